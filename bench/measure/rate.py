# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions released a second.

Calls held by two SIPps are released: ours by one `ims_release.release all '*'`, the
dialog module's by a `dlg.terminate_dlg` for each call, sixteen of them under way at any
time, over the same datagram socket of `jsonrpcs`. Counted from the trigger until the
last party is told that ever is; a party is told when its BYE arrives, and a session is
released when both its parties are. The dialog module runs alone, without service control
or anything like it. Medians of rounds, the three in turn; parties never told are of all
rounds together.

All of them share the processors: the S-CSCF, both SIPps, who asks. So there is also the
processor time that the S-CSCF takes for a session, and both SIPps for theirs: what the
rate would be with users elsewhere. "Most that these processors allow" is what the SIPps
alone leave, were there no S-CSCF. What the S-CSCF spends its own on is the profile of
[a released session](#instructions-of-a-released-session).
"""

import collections
import itertools
import json
import os
import socket
import time
from statistics import median

from .held import Held
from .stage import Stage, processor_time, quick

SIZES = quick([100], [1000, 5000, 20000])
ROUNDS = quick(1, 3)
KINDS = {"peer": None, "without": 0, "with": 1}
AT_ONCE = 16


class Asker:
    """Many RPCs over the datagram socket, some of them under way at any time."""

    def __init__(self, kamailio):
        own = os.path.join(kamailio.run_dir, "bench")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(own)
        self._socket.connect(kamailio.run_dir + "/kamailio_rpc.sock")
        self._socket.settimeout(60)

    def ask(self, method, params):
        """Asks once for each of the params."""
        requests = (json.dumps({"jsonrpc": "2.0", "method": method, "params": list(p),
                                "id": n}).encode() for n, p in enumerate(params))
        waiting = 0
        for request in requests:
            if waiting == AT_ONCE:
                self._socket.recv(65536)
                waiting -= 1
            self._socket.send(request)
            waiting += 1
        for _ in range(waiting):
            self._socket.recv(65536)

    def close(self):
        self._socket.close()


def released(kind, calls):
    """(sessions a second, parties never told, seconds of the S-CSCF, of SIPp)"""
    control = KINDS[kind]
    extra = "" if control is None else \
        'modparam("ims_release", "service_control", %d)\n' % control
    with Stage("rate-%s-%d" % (kind, calls), control is not None, extra=extra) as stage:
        held, asker = Held(stage, calls), Asker(stage.scscf)
        ids, groups = held.ids(), ([stage.scscf.pid], held.pids)
        before, start = list(map(processor_time, groups)), time.time()
        if control is None:
            # what it logs when it sends to a dialog that has just ended
            stage.scscf.expect_log("dialog")
            asker.ask("dlg.terminate_dlg", ids)
        else:
            asker.ask("ims_release.release", [("all", "*")])
        told = held.await_told()
        took = map(float.__sub__, map(processor_time, groups), before)
        asker.close()
        if not told:
            raise RuntimeError("nobody was told: see " + stage.folder)
        parties = collections.Counter(call_id for _, call_id in told)
        both = sum(count == 2 for count in parties.values())
        return both / (max(told.values()) - start), 2 * calls - len(told), *took


def measure(table):
    for calls in SIZES:
        runs = collections.defaultdict(list)
        for _, kind in itertools.product(range(ROUNDS), KINDS):
            runs[kind].append(released(kind, calls))
        peer = list(zip(*runs["peer"]))
        for kind, goal in ("without", 3), ("with", 1.5):
            name = ", %s service control, %d held" % (kind, calls)
            rates, missed, scscf, sipp = zip(*runs[kind])
            table.row("sessions released a second" + name, median(rates),
                      median(peer[0]), goal, more=True)
            table.row("parties never told" + name, sum(missed), sum(peer[1]), 0,
                      ratio=False)
            table.row("most that these processors allow" + name,
                      os.cpu_count() * calls / max(median(sipp), 0.01), median(peer[0]))
            for who, ours, theirs in ("S-CSCF", scscf, peer[2]), ("SIPps", sipp, peer[3]):
                table.row("microseconds of processor, %s%s" % (who, name),
                          *(median(took) * 1e6 / calls for took in (ours, theirs)))
