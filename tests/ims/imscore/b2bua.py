# SPDX-License-Identifier: GPL-2.0-or-later
"""An application server that is a back-to-back user agent, played by the test."""

import types

from rig.raw import check_reason, nothing_left
from rig.process import wait_until
from rig.ua import UserAgent

from .users import User


class Server(UserAgent):
    """Two dialogs of one session: the first with the caller, the second it makes."""

    def __init__(self, core, name):
        super().__init__(types.SimpleNamespace(ns=core.node(name), add=core.case.add),
                         core.address(name), core.address("scscf"))


class Back2Back:
    """Alice calls Bob; her application server makes two calls of it.

    first, second   the calls as their callers see them: alice's and the server's
    """

    def __init__(self, core, name):
        self.core, self.scscf = core, core.scscf
        self.alice, self.bob = User(core, "alice"), User(core, "bob")
        self.server = Server(core, name)
        self.first = self.second = self.icid = None
        for user in self.alice, self.bob:
            assert user.register().code == 200

    def connect(self):
        alice, bob, server = self.alice, self.bob, self.server
        self.first = alice.invite(bob.impu, alice.impu, bob.impu)
        offered = server.receive("INVITE")
        vector = offered.get("P-Charging-Vector")
        self.icid = vector.partition("icid-value=")[2].partition(";")[0].strip('"')
        # the first Route is its own, the second leads back to the S-CSCF
        self.second = server.invite(
            offered.uri, alice.impu, bob.impu, routes=offered.values("Route")[1:],
            headers=[("P-Charging-Vector", vector),
                     ("P-Asserted-Identity", offered.get("P-Asserted-Identity"))])
        last = bob.receive("INVITE")
        assert last.call_id != offered.call_id
        bob.answer(last, 180)
        self.second.establish(server.receive(180))
        self.server_party = server.answer(offered, 180, tag="server")
        self.first.establish(alice.receive(180))
        self.bob_party = bob.answer(last, 200)
        self.second.confirm(server.receive(200))
        bob.receive("ACK")
        server.answer(offered, 200, tag="server")
        self.first.confirm(alice.receive(200))
        server.receive("ACK")
        return self

    def release(self, selector, value):
        return self.scscf.rpc("ims_release.release", selector, value, 503, "Gone")

    def take_byes(self):
        """Alice, Bob and the server, of which two, get theirs."""
        for who in (self.alice, self.bob, self.server, self.server):
            bye = who.receive("BYE")
            check_reason(bye)
            who.respond(bye, 200)

    def pass_bye_on(self, which):
        """The server's call of that name is released; it ends the other itself."""
        far = self.alice if which == "first" else self.bob
        for who in far, self.server:
            bye = who.receive("BYE")
            check_reason(bye)
            who.respond(bye, 200)
        if which == "first":
            self.second.request("BYE")
            other = self.bob
        else:
            self.server_party.request("BYE")
            other = self.alice
        other.respond(other.receive("BYE"), 200)
        self.server.receive(200)

    def over(self, job, released):
        def done():
            report = self.scscf.rpc("ims_release.job", job["job"])
            return report if report["state"] == "done" else None
        report = wait_until(done, 8, "the job is done")
        assert (report["released"], report["failed"]) == (released, 0), report
        nothing_left(self.scscf)
        for who in (self.alice, self.bob, self.server):
            who.silent(0.05)
