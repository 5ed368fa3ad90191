# SPDX-License-Identifier: GPL-2.0-or-later
"""Users whom the test plays message by message, and what passes between two of them."""

import hashlib
import itertools
import re
import time
import types

from rig.raw import Scene
from rig.ua import UserAgent, compose

from .core import HOME, PASSWORDS, impu

_unique = itertools.count(1)


class User(UserAgent):
    """A user agent whose Contact is the one that it registers."""

    def __init__(self, core, name, remote="pcscf"):
        super().__init__(types.SimpleNamespace(ns=core.node(name), add=core.case.add),
                         core.address(name), core.address(remote))
        self.core, self.name, self.impu = core, name, impu(name)
        self.contact = "<sip:%s@%s>" % (name, self.hostport)
        self._cseq = itertools.count(1)
        self._call_id = "reg-%s-%d" % (name, next(_unique))

    def through(self, node):
        """From now on its requests go there."""
        self.remote = self.core.address(node)
        return self

    def answer(self, invite, code=200, tag="ua-callee", contact=None, headers=()):
        return super().answer(invite, code, tag, contact or self.contact, headers)

    def invite(self, ruri, from_, to, contact=None, **kwargs):
        return super().invite(ruri, from_, to, contact or self.contact, **kwargs)

    def register(self, expires=3600, password=None):
        """REGISTER, the challenge, REGISTER with credentials; the final response."""
        self.send_register(expires)
        challenge = self.receive(401)
        # ims_auth sends the challenge first and keeps its vector then
        time.sleep(0.1)
        self.send_register(expires, self._credentials(
            challenge, password or PASSWORDS[self.name]))
        return self.receive_final()

    def send_register(self, expires, *headers):
        self.send(compose("REGISTER sip:%s SIP/2.0" % HOME, [
            self.via(), ("Max-Forwards", "70"),
            ("From", "<%s>;tag=reg" % self.impu), ("To", "<%s>" % self.impu),
            ("Call-ID", self._call_id), ("CSeq", "%d REGISTER" % next(self._cseq)),
            ("Contact", self.contact), ("Expires", expires), *headers]))

    def receive_final(self, timeout=5):
        while True:
            message = self._read(timeout)
            assert message is not None, "%s: no final response" % self.name
            if message.code >= 200:
                return message

    def _credentials(self, challenge, password):
        """RFC 2617 without qop."""
        given = dict(re.findall(r'(\w+)="([^"]*)"', challenge.get("WWW-Authenticate")))
        user, uri = "%s@%s" % (self.name, HOME), "sip:" + HOME
        ha1 = _md5(user, given["realm"], password)
        response = _md5(ha1, given["nonce"], _md5("REGISTER", uri))
        return "Authorization", (
            'Digest username="%s",realm="%s",nonce="%s",uri="%s",response="%s",'
            'algorithm=MD5' % (user, given["realm"], given["nonce"], uri, response))


def _md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


class Session(Scene):
    """A call on a way through a core; steps and checks are those of Scene."""

    def __init__(self, core, way):
        self.way, self.core = way, core
        self._users = {
            "caller": User(core, "alice", "pcscf" if way.caller_served else "icscf"),
            "callee": User(core, "bob", "pcscf" if way.called_served else "scscf")}
        bob = self._users["callee"]
        super().__init__(types.SimpleNamespace(
            case=core.case, scscf=core.scscf, agent=self._users.get,
            topology=types.SimpleNamespace(
                caller_impu=impu("alice") if way.caller_served
                else "sip:alice@elsewhere.example",
                called_impu=bob.impu if way.called_served
                else "sip:bob@" + bob.hostport)))

    def register(self):
        """Those whom the core serves."""
        for user, served in ((self.caller, self.way.caller_served),
                             (self.callee, self.way.called_served)):
            if served:
                final = user.register()
                assert final.code == 200, final
        return self

    def invite(self, **kwargs):
        super().invite(**kwargs)
        # what follows is within the dialog
        if not self.way.caller_served:
            self.caller.through("scscf")
        return self

    def progress(self):
        """183 and PRACK (RFC 3262), then 180."""
        self.ring(183, headers=[("Require", "100rel"), ("RSeq", "1")])
        self.call.request("PRACK", headers=[
            ("RAck", "1 %d INVITE" % self.call.invite.cseq)])
        self.callee.respond(self.callee.receive("PRACK"), 200)
        self.caller.receive(200)
        return self.ring(180)

    def connect(self):
        return self.invite(headers=[("Supported", "100rel")]) \
            .progress().answer().confirm()


def answer_theirs(talk):
    """Answers ims_dialog's own pair, gently: a quick answer to the first keeps the
    second from being sent, and two answers at the same time leave its dialog behind.
    Returns both, the caller's first.
    """
    byes = [(user, user.receive("BYE", timeout=15))
            for user in (talk.caller, talk.callee)]
    for user, bye in byes:
        user.respond(bye, 200)
        time.sleep(0.05)
    return [bye for _, bye in byes]
