# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions of a call that nobody releases.

In the worker processes, counted by callgrind: INVITE, 180, 200, ACK, UPDATE and BYE,
one call after the other, with both memory managers. The peer is the dialog module
alone: the same configuration without the module. Where the goal is missed: the module's
functions, instructions a call with what they call; some of that is parsing which
otherwise a later module would do.
"""

from .fleet import Fleet
from .profile import WORKERS, Profiled
from .stage import TLSF, Stage, quick

GOAL = 1.05
MANAGERS = {"q_malloc": [], "tlsf": TLSF}


def calls(fleet, count, prefix):
    """INVITE, 100, 180, 200, ACK, UPDATE, 200, BYE, 200; one call after the other."""
    for n in range(count):
        numbers = fleet.set_up(1, "%s%dx" % (prefix, n), window=1)
        fleet.update(numbers)
        fleet.hang_up(numbers)


def profile(name, module, args):
    """(profile, how many calls it is of)"""
    count = quick(20, 200)
    with Stage("call-" + name, module, make=Profiled, args=args, workers=1) as stage:
        fleet = stage.add(Fleet(stage.ns))
        calls(fleet, 20, "warm")
        return stage.scscf.count(lambda: calls(fleet, count, "c"), WORKERS), count


def measure(table):
    for manager, args in MANAGERS.items():
        (alone, count), (beside, _) = (
            profile("%s-%s" % (manager, kind), kind == "beside", args)
            for kind in ("alone", "beside"))
        if not table.row("instructions a call, " + manager, beside.total / count,
                         alone.total / count, GOAL):
            table.profile("A call with %s: the module's functions" % manager,
                          beside.top(count, within="/ims_release.so"))
