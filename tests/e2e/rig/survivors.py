# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls under way when the S-CSCF dies, and what their users know of them then.

One thread plays both users of each call, in a course that a seed gives; between two
steps the S-CSCF may be killed.
"""

import itertools
import select
import socket
import time

from .raw import CAUSE, TEXT, reasons
from .sip import Message, tag_of, uri_of

AT_ONCE = 40
LIVELY = 15
CALM = 0.2
WHO = "caller", "callee"


class Call:
    """state    "calling", "up", "ending", "ended"; "lost" by the kill: nobody knows
    since       when anything of it was last sent or received
    born        when it was established
    """

    def __init__(self, is_calm=False):
        self.is_calm = is_calm
        self.dialog = {}                    # by side; the caller's from the first INVITE
        self.heard = dict.fromkeys(WHO, 0)  # the highest CSeq that came to a side
        self.asked = 0                      # requests without an answer
        self.invite = None                  # as it came to the callee; until the ACK
        self.state, self.since, self.born = "calling", time.monotonic(), None

    def is_settled(self, now, quiet):
        """Whether nothing has happened for so long that the database knows it all."""
        return self.state in ("up", "ended") and not self.asked \
            and now - self.since > quiet


class Survivors:
    _count = itertools.count(1)

    def __init__(self, net, rng):
        self.net, self.topology, self.rng = net, net.topology, rng
        self.ua = {who: net.agent(who) for who in WHO}
        for ua in self.ua.values():
            ua._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.calls = {}
        self.released = {}      # Call-ID -> the sides whose BYE came, and was answered 200

    # -- the course --------------------------------------------------------------

    def play(self, seconds, pause=0.01):
        """Something by some user, again and again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._step()
            self.listen(pause)

    def _step(self):
        up = [call for call in self.calls.values() if call.state == "up"]
        drawn = self.rng.random()
        if len(up) < AT_ONCE and (drawn < 0.4 or not up):
            self._invite()
        elif up:
            # the young are lively, and some do nothing
            call, who = self.rng.choice(up[-LIVELY:]), self.rng.choice(WHO)
            if call.is_calm:
                return
            method = self.rng.choice(["INFO", "INFO", "UPDATE", "UPDATE", "BYE"])
            self._ask(call, who, method)

    def _invite(self):
        ua, call_id = self.ua["caller"], "survivor-%d" % next(self._count)
        topology, call = self.topology, Call(self.rng.random() < CALM)
        self.calls[call_id] = call
        call.dialog["caller"] = ua.invite(
            topology.called_impu, topology.caller_impu, topology.called_impu,
            call_id=call_id, tag="from-" + call_id, cseq=self.rng.randrange(1, 1 << 16))

    def _ask(self, call, who, method):
        dialog = call.dialog[who]
        if method == "UPDATE":
            dialog.contact = "<sip:at-%d@%s>" % (
                self.rng.randrange(1 << 20), dialog.ua.hostport)
        dialog.request(method)
        call.asked, call.since = call.asked + 1, time.monotonic()
        if method == "BYE":
            call.state = "ending"

    # -- the kill ------------------------------------------------------------------

    def settled(self, quiet):
        """Call-IDs: of those that are up and that have ended for so many seconds, and of
        those that are up for so long but have changed since.
        """
        now, known = time.monotonic(), {"up": set(), "ended": set(), "changed": set()}
        for call_id, call in self.calls.items():
            if call.is_settled(now, quiet):
                known[call.state].add(call_id)
            elif call.state == "up" and now - call.born > quiet:
                known["changed"].add(call_id)
        return known["up"], known["ended"], known["changed"]

    def forget_the_rest(self, up, ended):
        """What the S-CSCF may know or not is left to it."""
        for call_id in self.calls.keys() - up - ended:
            self.calls[call_id].state = "lost"

    def end(self, call_ids):
        """These are released."""
        for call_id in call_ids:
            if self.calls[call_id].state == "up":
                self.calls[call_id].state = "ended"

    # -- messages --------------------------------------------------------------------

    def listen(self, seconds):
        end = time.monotonic() + seconds
        sockets = {ua._socket: who for who, ua in self.ua.items()}
        while True:
            left = end - time.monotonic()
            ready = select.select(sockets, [], [], max(0, left))[0]
            for one in ready:
                self._take(sockets[one], Message(one.recv(1 << 16)))
            if not ready or left <= 0:
                return

    def _take(self, who, message):
        call = self.calls[message.call_id]
        if message.is_request:
            getattr(self, "_on_" + message.method.lower())(call, who, message)
        elif message.code >= 200 and (call.state != "lost" or message.method == "INVITE"):
            self._answered(call, who, message)
        call.since = time.monotonic()

    def _answered(self, call, who, message):
        if call.state == "lost" and message.code >= 300:
            return      # its INVITE, which a server sent again, was released early
        assert message.code == 200, message
        if message.method == "INVITE":
            call.dialog["caller"].confirm(message)
            return
        call.asked -= 1
        if message.method == "BYE":
            call.state = "ended"

    def _on_invite(self, call, who, invite):
        call.invite = invite
        self._accept(call)
        call.heard[who] = invite.cseq

    def _accept(self, call):
        call.dialog["callee"] = self.ua["callee"].answer(
            call.invite, tag="to-" + call.invite.call_id)

    def repeat(self):
        """The answers whose ACK did not come, as a callee does; and the ACKs of calls
        that the kill hit, one of which may not have gone all of its way.
        """
        for call in self.calls.values():
            if call.invite:
                self._accept(call)
            elif call.state == "lost" and tag_of(call.dialog["caller"].remote):
                call.dialog["caller"].acknowledge()

    def _on_ack(self, call, who, ack):
        call.invite = None
        if call.state == "calling":
            call.state, call.born = "up", time.monotonic()

    def _on_info(self, call, who, request):
        dialog = call.dialog[who]
        call.heard[who] = max(call.heard[who], request.cseq)
        if request.method == "UPDATE":
            dialog.target = uri_of(request.get("Contact"))
        self.ua[who].respond(request, 200, headers=[("Contact", dialog.contact)])

    _on_update = _on_info

    def _on_bye(self, call, who, bye):
        code = self._code(call, who, bye)
        self.ua[who].respond(bye, code)
        if reasons(bye):
            assert reasons(bye) == [("SIP", str(CAUSE), TEXT)]
            if code == 200:
                self.released.setdefault(bye.call_id, set()).add(who)
        if code == 200:
            call.heard[who] = bye.cseq

    def _code(self, call, who, bye):
        """As a user agent answers that counts: RFC 3261 12.2.2, 15.1.2."""
        if who not in call.dialog:
            return 481
        assert tag_of(bye.get("To")) == tag_of(call.dialog[who].local)
        return 500 if bye.cseq <= call.heard[who] else 200
