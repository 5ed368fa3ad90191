# SPDX-License-Identifier: GPL-2.0-or-later
"""The time from the trigger to both BYEs.

From the RPC `ims_release.release callid` to the arrival of the second of the two BYEs, service control on,
for one session among 1,000 and one among 200,000. Both S-CSCFs are up at the same time and are asked in turn;
the calls are set up by plain sockets, with the memory manager tlsf, which fills them in faster. Medians. The
peer is the figure among 1,000.
"""

import statistics
import time

from .fleet import Fleet
from .stage import TLSF, Stage, quick

GOAL = 1.2
FEW, MANY = quick((100, 1000), (1000, 200000))
TRIGGERS = quick(10, 300)


class Among:
    """A stage with so many calls."""

    def __init__(self, calls):
        self.stage = Stage("latency-%d" % calls, args=TLSF).__enter__()
        self.fleet = self.stage.add(Fleet(self.stage.ns, ringing=False))
        self.numbers = self.fleet.set_up(calls, window=64)

    def release(self, index):
        """Seconds from the trigger to the second BYE."""
        number, told = self.numbers[index], self.fleet.told
        before, start = len(told), time.monotonic()
        self.stage.scscf.rpc("ims_release.release", "callid",
                             number.decode() + "@bench")
        self.fleet.run(lambda: len(told) == before + 2, 10)
        return max(when for (_, what), when in told.items() if what == number) - start


def measure(table):
    few, many = Among(FEW), Among(MANY)
    times = few_times, many_times = [], []
    for n in range(TRIGGERS):
        for taken, among in zip(times, (few, many)):
            # from all over the table
            taken.append(among.release(n * len(among.numbers) // TRIGGERS))
    for among in few, many:
        among.stage.close(failed=False)
    for what, of in ("median", statistics.median), ("99th percentile", _late):
        table.row("ms to both BYEs, one of %d, %s" % (MANY, what), 1000 * of(many_times),
                  1000 * of(few_times), GOAL if what == "median" else None)


def _late(values):
    return sorted(values)[int(0.99 * len(values))]
