# SPDX-License-Identifier: GPL-2.0-or-later
"""Hundreds of calls at once between two sockets, answered by a thread.

    crowd = Crowd(network(CALLING))
    ids = crowd.call(200, from_="<sip:alice@ims.example>", icid="one")
    net.scscf.rpc("ims_release.release", "all", "*")
    crowd.wait_told(ids)
    crowd.told["callee"][ids[0]]        # when its BYE came, by time.monotonic()
"""

import itertools
import select
import socket
import threading
import time

from .process import RigError, wait_until
from .sip import Message
from .ua import Dialog

AT_ONCE = 16
WHO = "caller", "callee"


class Crowd:
    """answers: by side, the code for a BYE; None leaves it unanswered for now."""

    _count = itertools.count(1)

    def __init__(self, net):
        self.net, self.topology = net, net.topology
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        net.case.add(self)      # to be ended before its sockets are
        self.ua = {who: net.agent(who) for who in WHO}
        for ua in self.ua.values():
            ua._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.answers = dict.fromkeys(WHO, 200)
        self.rings = False      # 180 in place of 200
        self.headers = ()       # of these responses
        self.dialogs = {}
        self.acked, self.ringing, self.ended = set(), set(), set()
        self.told = {who: {} for who in WHO}
        self.byes = {who: [] for who in WHO}        # without retransmissions
        self._unanswered = []
        self._thread.start()

    def kill(self):
        self._stopping = True
        if self._thread.is_alive():
            self._thread.join()

    # -- what the test does -------------------------------------------------------

    def call(self, count, from_=None, to=None, icid=None, user="ua", ids=None,
             early=False):
        """So many calls, set up one after the other: their Call-IDs."""
        self.rings = early
        ids = ids or ["crowd-%d" % next(self._count) for _ in range(count)]
        done = self.ringing if early else self.acked
        for number, call_id in enumerate(ids):
            self.invite(call_id, from_, to, icid, user)
            if number >= AT_ONCE:
                wait_until(lambda: ids[number - AT_ONCE] in done, 5, "a call")
        wait_until(lambda: done.issuperset(ids), 5, "%d calls" % count)
        return ids

    def invite(self, call_id, from_=None, to=None, icid=None, user="ua"):
        """An INVITE whose outcome is not waited for."""
        caller = self.ua["caller"]
        to = to or self.topology.called_impu
        tag = call_id.partition("@")[0]
        dialog = self.dialogs[call_id] = Dialog(
            caller, local="<%s>;tag=%s" % (from_ or self.topology.caller_impu, tag),
            remote="<%s>" % to, call_id=call_id, target=to, routes=[],
            contact="<sip:%s@%s>" % (user, caller.hostport))
        headers = [("P-Charging-Vector", "icid-value=" + icid)] if icid else []
        data = dialog.build("INVITE", headers=headers)
        dialog.invite = Message(data)
        caller.send(data)

    def hang_up(self, ids):
        """The callers end those calls."""
        for call_id in ids:
            self.dialogs[call_id].request("BYE")
        wait_until(lambda: self.ended.issuperset(ids), 5, "they have ended")

    def answer_pending(self, count=None):
        """Answers BYEs that were left unanswered, the oldest first."""
        pending = self._unanswered[:count]
        del self._unanswered[:count]
        for ua, bye in pending:
            ua.respond(bye, 200)

    def wait_told(self, ids, timeout=10):
        """Until both users of each have got the BYE."""
        def all_told():
            return all(self.told[who].keys() >= set(ids) for who in WHO)
        try:
            wait_until(all_told, timeout)
        except RigError:
            missing = {who: len(set(ids) - self.told[who].keys()) for who in WHO}
            raise RigError("not told in %g s: %s" % (timeout, missing)) from None

    # -- the thread ---------------------------------------------------------------

    def _run(self):
        sockets = {ua._socket: who for who, ua in self.ua.items()}
        while not self._stopping:
            for ready in select.select(sockets, [], [], 0.02)[0]:
                message = Message(ready.recv(1 << 16))
                getattr(self, "_" + sockets[ready])(message)

    def _caller(self, message):
        if message.method == "BYE" and message.is_request:
            self._bye("caller", message)
        elif message.method == "BYE" and message.code >= 200:
            self.ended.add(message.call_id)
        elif message.method == "INVITE" and message.code == 200:
            self.dialogs[message.call_id].confirm(message)
        elif message.method == "INVITE" and message.code >= 300:
            self.dialogs[message.call_id].acknowledge_failure(message)

    def _callee(self, message):
        ua, call_id = self.ua["callee"], message.call_id
        tag = "to-" + call_id.partition("@")[0]
        if message.method == "INVITE":
            ua.answer(message, 180 if self.rings else 200, tag=tag,
                      headers=self.headers)
            self.ringing.add(call_id)
        elif message.method == "ACK":
            self.acked.add(call_id)
        elif message.method == "CANCEL":
            ua.respond(message, 200, tag=tag)
        elif message.method == "BYE" and not message.lines("Reason"):
            ua.respond(message, 200)
        elif message.method == "BYE":
            self._bye("callee", message)

    def _bye(self, who, message):
        self.told[who].setdefault(message.call_id, time.monotonic())
        key = message.call_id, message.branch, message.cseq
        if key not in self.byes[who]:
            self.byes[who].append(key)
            if self.answers[who] is None:
                self._unanswered.append((self.ua[who], message))
        if self.answers[who]:
            self.ua[who].respond(message, self.answers[who])
