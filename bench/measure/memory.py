# SPDX-License-Identifier: GPL-2.0-or-later
"""Shared memory of a session.

`real_used` of `core.shmmem`, as bytes a session that is up when no transaction is left,
with both memory managers, the manager's own overhead included: what `kamailio -m` must
be sized for. Ours is all that is used more than with the dialog module alone: the
record and what the dialog module allocates for our callbacks. The peer is the dialog
module's own. "Asked for" is without the overhead, which in the default manager is some
70 bytes an allocation.
"""

from rig.process import wait_until

from .call import MANAGERS
from .fleet import Fleet
from .stage import Stage, quick

GOAL = 1.0


def used(module, manager):
    """(bytes a session with overhead, without)"""
    count = quick(100, 2000)
    with Stage("memory-%s-%d" % (manager, module), module, args=MANAGERS[manager],
               extra='modparam("tm", "wt_timer", 300)\n') as stage:
        fleet, scscf = stage.add(Fleet(stage.ns)), stage.scscf
        # what is allocated once
        fleet.hang_up(fleet.set_up(100, "warm"))
        sizes = []
        for calls in 0, count:
            fleet.set_up(calls, "c")
            wait_until(lambda: scscf.transactions() == 0, 30, "no transaction")
            memory = scscf.rpc("core.shmmem")
            sizes.append((memory["real_used"], memory["used"]))
        return [(after - before) / count for before, after in zip(*sizes)]


def measure(table):
    for manager in MANAGERS:
        alone, beside = used(False, manager), used(True, manager)
        for what, goal, own, all_of_it in zip(
                ("bytes of shared memory a session", "asked for"), (GOAL, None),
                alone, beside):
            table.row("%s, %s" % (what, manager), all_of_it - own, own, goal)
