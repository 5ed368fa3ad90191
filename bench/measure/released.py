# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions of a released session.

In the worker processes, the releasing process and the RPC processes, counted by
callgrind, service control on. The peer is the floor: one BYE of a user agent relayed by
the same script plus one BYE that tm sends (`tm.t_uac_start`, `t_uac()` and below) with
its answer. The floor is two transactions that reach the users; a release with service
control is three, because one BYE is sent by tm to the S-CSCF's own socket before the
script relays it. "Of it unavoidable" is that: two BYEs that tm sends and one that the
script relays.

With tlsf the counts are the same within 0.1 % from run to run. With q_malloc they move
by a tenth, ours and the floor's, with the order that its free lists happen to have.
"""

import time

from .call import MANAGERS
from .fleet import Fleet
from .profile import RELEASING, RPC, WORKERS, Profiled
from .stage import Stage, quick

GOAL = 1.25
# Few at a time: under the profiler, what waits long is repeated.
PARAMETERS = """
modparam("ims_release", "linger", 1)
modparam("ims_release", "job_window", 2)
"""
BYE = ('From: "Bob" <sip:bob@127.0.0.22:5060>;tag=b%(n)s\r\n'
       'To: "Alice" <sip:alice@ims.example>;tag=a%(n)s\r\n'
       "Call-ID: %(n)s@bench\r\nCSeq: 1 BYE\r\n"
       'Reason: SIP;cause=503;text="Released by the network"\r\n')


class Releases:
    """A stage under the profiler on which calls are ended in three ways."""

    def __init__(self, stage):
        self.scscf = stage.scscf
        self.fleet = stage.add(Fleet(stage.ns))
        self.count = quick(20, 300)

    def _await_byes(self, parties):
        self.fleet.run(lambda: len(self.fleet.told) == parties, 120)

    def _count(self, end, pattern):
        """Profile of those processes while end() ends calls, and just after."""
        self.fleet.told.clear()

        def actions():
            end()
            # what follows the last answer
            time.sleep(1)
        return self.scscf.count(actions, pattern)

    def by_us(self):
        """Profile of a release of all calls."""
        self.fleet.set_up(self.count, "ours", window=1)

        def release():
            self.scscf.rpc("ims_release.release", "all", "*", timeout=60)
            self._await_byes(2 * self.count)
        return self._count(release, "|".join((WORKERS, RELEASING, RPC)))

    def by_user(self):
        """Profile of BYEs of the callers."""
        numbers = self.fleet.set_up(self.count, "user", window=1)
        return self._count(lambda: self.fleet.hang_up(numbers), WORKERS)

    def by_tm(self):
        """(profile of the workers, instructions of tm's sending)"""
        def send():
            for n in range(self.count):
                self.scscf.rpc("tm.t_uac_start", "BYE", "sip:alice@127.0.0.21:5060",
                               ".", ".", BYE % {"n": "tm%d" % n}, timeout=60)
                self._await_byes(n + 1)

        profiles = []
        sending = self.scscf.count(
            lambda: profiles.append(self._count(send, WORKERS)), RPC)
        return profiles[0], sending.functions(inclusive=True)["t_uac"]


def measure(table):
    for manager, args in MANAGERS.items():
        with Stage("released-" + manager, make=Profiled, args=args, workers=1,
                   extra=PARAMETERS) as stage:
            releases = Releases(stage)
            count = releases.count
            releases.fleet.hang_up(releases.fleet.set_up(count, "warm", window=1))
            relayed = releases.by_user().total / count
            answered, sent = releases.by_tm()
            sent = (answered.total + sent) / count
            ours = releases.by_us()
        reached = table.row("instructions a released session, " + manager,
                            ours.total / count, relayed + sent, GOAL)
        table.row("of it unavoidable, " + manager, relayed + 2 * sent, relayed + sent)
        if not reached:
            _explain(table, manager, ours, count)


def _explain(table, manager, ours, count):
    for what, within in ("all functions", ""), ("the module's", "/ims_release.so"):
        table.profile("A released session with %s: %s" % (manager, what),
                      ours.top(count, within))
