# SPDX-License-Identifier: GPL-2.0-or-later
"""Shared memory of a session.

What `mod.stats` of the debugging memory manager (`-x qm`) tells, as bytes a session that is up, when no
transaction is left. Ours is all that is there more than with the dialog module alone: the record, and
what the dialog module allocates for our callbacks. The peer is the dialog module's own.
"""

from rig.process import wait_until

from .fleet import Fleet
from .stage import Stage, quick

GOAL = 1.0
MODULES = "ims_release", "dialog"


def used(module):
    """Bytes of shared memory a session, by each module."""
    count = quick(20, 500)
    with Stage("memory-%d" % module, module, args=["-x", "qm"],
               extra='modparam("tm", "wt_timer", 300)\n') as stage:
        fleet, scscf = stage.add(Fleet(stage.ns)), stage.scscf
        # what is allocated once
        fleet.hang_up(fleet.set_up(20, "warm"))
        sizes = []
        for calls in 0, count:
            fleet.set_up(calls, "c")
            wait_until(lambda: len(scscf.rpc("dlg.list") or []) == calls
                       if calls <= 20 else True, 30, "the dialogs")
            wait_until(lambda: scscf.transactions() == 0, 30, "no transaction")
            sizes.append({name: scscf.shared_memory(name).get("Total", 0)
                          for name in MODULES[not module:]})
        return {name: (sizes[1][name] - sizes[0][name]) / count for name in sizes[0]}


def measure(table):
    beside, alone = used(True), used(False)["dialog"]
    ours = beside["ims_release"] + beside["dialog"] - alone
    table.row("bytes of shared memory a session", ours, alone, GOAL)
