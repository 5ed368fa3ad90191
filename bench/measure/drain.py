# SPDX-License-Identifier: GPL-2.0-or-later
"""Set-up delay of new calls during a drain.

10,000 calls held by two SIPps are released by one `ims_release.release` at the default
pace, while further users make 200 calls a second: from their INVITE to its 200, of the
calls that began before the last party was told. The peer is the same stage in the
seconds before the release. Rounds are taken together. The user agents of the new calls
run at a higher priority, for their own delay is not meant; the SIPps do not, and take
their share of the processors.

At the default pace `job_window` alone bounds the release, so it takes all it gets of
the processors, and datagrams are lost: a set-up of more than 500 ms (T1) is one that
was repeated. "Share of the processors" is what the drain takes of all of them while
it lasts, the new calls' part taken off: what is left of 1 is what they have. The figures
at `job_rate` 1000 and at `job_window` 64 are of one round each.
"""

import os
import statistics
import time

from .fleet import Fleet
from .held import CALLER, Held
from .stage import Stage, processor_time, quick

GOAL = 1.3
HELD, RATE = quick(200, 10000), 200
SECONDS, ROUNDS = quick(1, 6), quick(1, 3)
PACES = {"job_rate": 1000, "job_window": 64}


def make_calls(fleet, seconds, prefix):
    """New calls at RATE for so long, until the last is answered."""
    start = time.monotonic()
    for n in range(int(seconds * RATE)):
        due = start + n / RATE
        while time.monotonic() < due:
            fleet.step(max(0, due - time.monotonic()))
        fleet.start(b"%s%d" % (prefix, n))
    fleet.run(lambda: not fleet.waiting, 40)


def round_(extra="", lasts=SECONDS):
    """Delays before the drain, delays during it, how long it took, what it took of
    the processors: the S-CSCF, the SIPps."""
    with Stage("drain", extra=extra) as stage:
        held = Held(stage, HELD)
        fleet = stage.add(Fleet(stage.ns))
        fleet.set_up(50, "warm")
        groups = ([stage.scscf.pid], held.pids)
        used = [list(map(processor_time, groups))]
        os.setpriority(os.PRIO_PROCESS, 0, -10)
        try:
            fleet.delays.clear()
            make_calls(fleet, SECONDS, b"before")
            used.append(list(map(processor_time, groups)))
            before = [delay for _, delay in fleet.delays]
            fleet.delays.clear()
            clock, start = time.time() - time.monotonic(), time.monotonic()
            stage.scscf.rpc("ims_release.release", "contact",
                            "sip:uac@%s:5060" % CALLER)
            make_calls(fleet, lasts, b"during")
            used.append(list(map(processor_time, groups)))
        finally:
            os.setpriority(os.PRIO_PROCESS, 0, 0)
        end = max(held.await_told().values()) - clock
        shares = [(last - middle - (middle - first) * lasts / SECONDS)
                  / (end - start) / os.cpu_count() for first, middle, last in zip(*used)]
        return before, [d for began, d in fleet.delays if began < end], end - start, shares


def measure(table):
    _rows(table, "a drain", [round_() for _ in range(ROUNDS)], GOAL)
    for item in PACES.items():
        extra = 'modparam("ims_release", "%s", %d)\n' % item
        _rows(table, "a drain at %s %d" % item,
              [round_(extra, HELD / PACES["job_rate"] + SECONDS)], None)


def _rows(table, what, rounds, goal):
    before, during, took, shares = zip(*rounds)
    before, during = sorted(sum(before, [])), sorted(sum(during, []))
    for name, quantile, aim in ("median", 0.5, None), ("99th percentile", 0.99, goal):
        table.row("ms to set a call up during %s, %s" % (what, name),
                  *(1000 * delays[int(quantile * len(delays))]
                    for delays in (during, before)), aim)
    table.row("seconds that %s of %d takes" % (what, HELD), statistics.median(took),
              ratio=False)
    for who, share in zip(("S-CSCF", "SIPps"), zip(*shares)):
        table.row("share of the processors that %s takes, %s" % (what, who),
                  statistics.median(share), ratio=False)
