# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions of a call that nobody releases, in the workers."""

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
        alone, beside = (
            profile("%s-%s" % (manager, kind), kind == "beside", args)
            for kind in ("alone", "beside"))
        table.row("instructions a call, " + manager, beside[0].total / beside[1],
                  alone[0].total / alone[1], GOAL)
