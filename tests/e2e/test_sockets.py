# SPDX-License-Identifier: GPL-2.0-or-later
"""The pair over the sockets that an S-CSCF can have: advertised, several, of two kinds.

A BYE that is to enter here goes to the socket itself; the other leaves by the socket
through which its party is reached.
"""

import socket

import pytest

from rig.network import (BOTH, BOTH_AS, CALLED, CALLED_AS, CALLING, CALLING_AS, HOME)
from rig.pair import check_pair
from rig.raw import CAUSE, TEXT, Scene, check_reason
from rig.sip import same_party, uri_of
from rig.ua import UserAgent
from rig.variant import RECORD_ROUTES, adapted

ONE_SERVED = [CALLING, CALLED]


class Dialer(UserAgent):
    """A user behind one TCP connection of his own, from the port of his Contact."""

    def _connection(self, dial=False):
        if self._socket is None:
            self._listener.close()
            self._socket = self._listener = self._ns.socket(
                self._family, socket.SOCK_STREAM)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(self.address)
            self._socket.connect(self.remote)
        return self._socket


class Users(Scene):
    """A scene whose users have a transport and an address family each."""

    def __init__(self, net, caller="udp", callee="udp", callee_at=None):
        super().__init__(net)
        self.caller.kill()
        self.callee.kill()
        kind = Dialer if caller == "tcp" else UserAgent
        self.caller = kind(net.case, net.address("caller"), net.address("scscf"),
                           caller)
        self.callee = UserAgent(net.case, callee_at or net.address("callee"),
                                net.address("scscf"), callee)
        if callee_at:
            self.callee.remote = "fd00::1", 5060
        self.called = self.contact(self.callee)
        if self.topology.called_served:
            self.called = "sip:bob@" + HOME
            net.scscf.rpc("ul.rm", "location", "bob@" + HOME)
            net.bind(self.called, self.contact(self.callee))

    def contact(self, ua):
        params = "" if ua.transport == "udp" else ";transport=" + ua.transport
        return "sip:ua@%s%s" % (ua.hostport, params)

    def invite(self, **kwargs):
        self.call = self.caller.invite(
            self.called, self.topology.caller_impu, self.called,
            contact="<%s>" % self.contact(self.caller), **kwargs)
        self.offered = self.callee.receive("INVITE")
        return self

    def answer(self):
        self.party = self.callee.answer(self.offered, 200, "callee-one",
                                        "<%s>" % self.contact(self.callee))
        self.call.establish(self.caller.receive(200))
        return self

    def connect(self):
        return self.invite().answer().confirm()

    def released(self):
        """(BYE to the callee, BYE to the caller), as these got them."""
        self.release()
        to_callee, to_caller = byes = self.take_byes()
        for bye, ua in zip(byes, (self.callee, self.caller)):
            check_reason(bye)
            assert bye.uri == self.contact(ua)
        assert same_party(to_callee.get("From"), self.offered.get("From"))
        assert same_party(to_callee.get("From"), to_caller.get("To"))
        assert same_party(to_callee.get("To"), to_caller.get("From"))
        assert to_callee.cseq == self.call.cseq + 1
        self.over()
        return byes

    def vias(self, byes):
        """Of the serviced BYE, of the direct one."""
        counts = [len(bye.values("Via")) for bye in byes]
        return counts if self.topology.caller_served else counts[::-1]


# -- an address that is advertised -----------------------------------------------------


@pytest.mark.parametrize("advertised", ["192.0.2.99:5060", "192.0.2.98:5999"])
@pytest.mark.parametrize("topology", ONE_SERVED, ids=str)
def test_advertised(network, topology, advertised):
    """The Record-Route leads elsewhere; our BYE enters our own socket all the same."""
    scene = Users(network(topology, scscf={"listen": [
        "udp:%s advertise %s" % (topology.hostport("scscf"), advertised)]}))
    scene.connect()
    routes = scene.offered.values("Record-Route")
    assert [advertised.partition(":")[0] in route for route in routes] == [True]
    scene.released()
    check_pair(scene.wire(), topology, scene.call_id, CAUSE, TEXT)


# -- two sockets -----------------------------------------------------------------------

UDP_AND_TCP = {"listen": ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"],
               "extra": CALLING.tcp_source("scscf")}


@pytest.mark.parametrize("caller, callee", [
    ("udp", "tcp"), ("tcp", "udp"), ("tcp", "tcp")])
@pytest.mark.parametrize("topology", ONE_SERVED + [BOTH], ids=str)
def test_two_transports(network, topology, caller, callee):
    """With two Record-Routes where the transport changes (r2=on)."""
    scene = Users(network(topology, scscf=UDP_AND_TCP), caller, callee).connect()
    doubled = [";r2=on" in route for route in scene.offered.values("Record-Route")]
    assert doubled.count(True) == (2 if caller != callee else 0)
    scene.released()
    wire = scene.wire()
    check_pair(wire, topology, scene.call_id, CAUSE, TEXT)
    for who, transport in (("caller", caller), ("callee", callee)):
        bye = wire.requests("BYE", dst=topology.address(who)).one()
        assert bye.transport == transport


@pytest.mark.parametrize("topology", ONE_SERVED, ids=str)
def test_two_ports(case, host, topology):
    """The callee is reached from another port, on the wire and for our BYE."""
    net = adapted(case, host, topology, {
        r"route\[TO_CONTACT\] \{":
            'route[TO_CONTACT] {\n\t$fs = "udp:127.0.0.1:5080";'}, scscf={
        "listen": ["udp:127.0.0.1:5060", "udp:127.0.0.1:5080"]}).start()
    scene = Users(net)
    scene.invite()
    scene.callee.remote = "127.0.0.1", 5080
    scene.answer().confirm()
    routes = scene.offered.values("Record-Route")
    assert [";r2=on" in route for route in routes] == [True, True]
    scene.released()
    wire = scene.wire()
    check_pair(wire, topology, scene.call_id, CAUSE, TEXT)
    assert [wire.requests("BYE", dst=topology.address(who)).one().src
            for who in ("caller", "callee")] == ["127.0.0.1:5060", "127.0.0.1:5080"]


@pytest.mark.parametrize("topology", ONE_SERVED, ids=str)
def test_two_families(network, topology):
    """The caller has IPv4, the callee IPv6."""
    net = network(topology, scscf={
        "listen": ["udp:127.0.0.1:5060", "udp:[fd00::1]:5060"]})
    scene = Users(net, callee_at=("fd00::22", 5060)).connect()
    routes = scene.offered.values("Record-Route")
    assert [";r2=on" in route for route in routes] == [True, True]
    assert scene.vias(scene.released()) == [2, 1]
    byes = scene.wire().requests("BYE")
    ends = sorted((bye.src, bye.dst) for bye in byes)
    entry = "127.0.0.1:5060" if topology.caller_served else "[fd00::1]:5060"
    assert ends == sorted([
        (entry, entry), ("127.0.0.1:5060", "127.0.0.21:5060"),
        ("[fd00::1]:5060", "[fd00::22]:5060")])


@pytest.mark.parametrize("topology", [
    t.but(transport="tcp") for t in (CALLING, BOTH_AS)], ids=str)
def test_tcp_only(network, topology):
    net = network(topology)
    call = net.call("basic-call").settled()
    net.scscf.rpc("ims_release.release", "callid", call.call_id, CAUSE, TEXT)
    call.finish()
    wire = net.case.wire()
    check_pair(wire, topology, call.call_id, CAUSE, TEXT)
    assert {m.transport for m in wire} == {"tcp"}
    net.empty()


# -- routes of other kinds ---------------------------------------------------------------


@pytest.mark.parametrize("topology", ONE_SERVED, ids=str)
def test_no_record_routing(case, host, topology):
    """Nothing leads through us: both BYEs go straight to the Contacts."""
    net = adapted(case, host, topology, {RECORD_ROUTES: ";"}, scscf={
        "extra": 'modparam("tm", "retr_timer1", 20)\n'}).start()
    scene = Users(net)
    scene.invite().answer()
    assert scene.offered.values("Record-Route") == []
    # the ACK does not come by: it is waited for, 64*T1
    scene.caller.send(scene.call.build("ACK", cseq=1), to=net.address("callee"))
    scene.callee.receive("ACK")
    scene.release()
    byes = scene.take_byes()
    scene.report()
    assert [bye.values("Route") for bye in byes] == [[], []]
    assert scene.vias(byes) == [1, 1]


@pytest.mark.parametrize("topology", [CALLING_AS, CALLED_AS, BOTH_AS], ids=str)
def test_strict_application_server(network, topology):
    """Its Record-Route has no `lr`: Request-URI and last Route change places there."""
    scene = Users(network(topology, as_defines={"STRICT_ROUTE": True})).connect()
    assert [route for route in scene.offered.values("Record-Route")
            if ";lr" not in route]
    scene.released()
    check_pair(scene.wire(), topology, scene.call_id, CAUSE, TEXT)


def test_strict_edge(network):
    """The first hop of the direct BYE is a strict router (RFC 3261 12.2.1.1)."""
    scene = Scene(network(CALLING))
    edge = "sip:edge@127.0.0.21:5060"
    scene.invite(headers=[("Record-Route", "<%s>" % edge),
                          ("Record-Route", "<sip:127.0.0.5;lr>")])
    scene.answer()
    # his own requests have passed the edge when they come to us
    scene.call.routes = scene.call.routes[2:]
    scene.confirm().release()
    to_callee, to_caller = scene.take_byes()
    assert to_caller.uri == edge
    assert to_caller.uris("Route") == ["sip:127.0.0.5;lr", uri_of(scene.call.contact)]
    assert to_callee.uri == uri_of(scene.party.contact)
    scene.over()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_party_that_cannot_be_reached(network, transport):
    """One leg's address leads nowhere: that leg is gone, the other one is told."""
    extra = UDP_AND_TCP["extra"] + 'modparam("tm", "fr_timer", 500)\n'
    net = network(CALLING, scscf={**UDP_AND_TCP, "extra": extra})
    net.scscf.expect_log("tcp|Connection refused|ERROR: (<core>|tm) ")
    scene = Users(net).connect()
    scene.call.request("UPDATE", contact="<sip:gone@127.0.0.77:5060;transport=%s>"
                       % transport)
    scene.callee.respond(scene.callee.receive("UPDATE"), 200)
    scene.caller.receive(200)
    scene.release()
    scene.take_bye(scene.callee)
    report = scene.report()
    codes = {code["leg"]: code["code"] for code in report["codes"]}
    assert codes["callee"] == 200 and codes["caller"] in (408, 477, 500, 503)
    assert report["released"] + report["failed"] == 1
    net.empty()
