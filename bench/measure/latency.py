# SPDX-License-Identifier: GPL-2.0-or-later
"""The time from the trigger to both BYEs.

From the RPC `ims_release.release callid` to the arrival of the second of the two BYEs,
service control on, for one session among 1,000 and one among 200,000. The S-CSCFs are
up at the same time and are asked in turn; the calls are set up by plain sockets, with
the memory manager tlsf, which fills them in faster. Medians. The peer is the figure
among 1,000.

"hash_size set" is with 65536 slots in both modules, in place of the default 4096, in
which 49 of 200,000 sessions share a slot. Page faults are what the S-CSCF's processes
take for a release: each process maps a page of shared memory when it first looks at it,
and among so many sessions most pages are new to a process.
"""

import statistics
import time

from .fleet import Fleet
from .stage import TLSF, Stage, quick, stat

GOAL = 1.2
FEW, MANY = quick((100, 1000), (1000, 200000))
TRIGGERS = quick(10, 300)
SIZED = "".join('modparam("%s", "hash_size", 65536)\n' % module
                for module in ("dialog", "ims_release"))


class Among:
    """A stage with so many calls."""

    def __init__(self, calls, name, extra=""):
        self.stage = Stage("latency-" + name, args=TLSF, extra=extra).__enter__()
        self.fleet = self.stage.add(Fleet(self.stage.ns, ringing=False))
        self.numbers = self.fleet.set_up(calls, window=64)
        self.times, self._before = [], self._faults()

    def _faults(self):
        return stat([self.stage.scscf.pid], [10])

    @property
    def faults(self):
        """Page faults a release."""
        return (self._faults() - self._before) / len(self.times)

    def release(self, index):
        """Notes the seconds from the trigger to the second BYE."""
        number, told = self.numbers[index], self.fleet.told
        before, start = len(told), time.monotonic()
        self.stage.scscf.rpc("ims_release.release", "callid",
                             number.decode() + "@bench")
        self.fleet.run(lambda: len(told) == before + 2, 10)
        self.times.append(max(when for (_, which), when in told.items()
                              if which == number) - start)


def measure(table):
    few = Among(FEW, "few")
    many = Among(MANY, "many"), Among(MANY, "sized", SIZED)
    for n in range(TRIGGERS):
        for among in (few, *many):
            # from all over the table
            among.release(n * len(among.numbers) // TRIGGERS)
    for among, name in zip(many, ("", ", hash_size set")):
        name = ", one of %d%s" % (MANY, name)
        table.row("ms to both BYEs" + name, 1000 * statistics.median(among.times),
                  1000 * statistics.median(few.times), GOAL)
        table.row("page faults" + name, among.faults, few.faults)
    for among in (few, *many):
        among.stage.close(failed=False)
