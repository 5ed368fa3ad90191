# SPDX-License-Identifier: GPL-2.0-or-later
"""An application server that is down at the release: its user is told all the same."""

import time

import pytest

from rig.network import BOTH_AS, CALLED, CALLED_AS, CALLING, CALLING_AS
from rig.raw import Scene, check_reason
from rig.sip import Wire
from rig.ua import UserAgent
from rig.variant import adapted

SETTINGS = {"extra": 'modparam("tm", "fr_timer", 1000)\n'}
DOWN = [
    # topology, the server that is down, the user behind it
    (CALLING_AS, "as_orig", "callee"),
    (CALLED_AS, "as_term", "caller"),
    (BOTH_AS, "as_orig", "callee"),
    (BOTH_AS, "as_term", "callee"),
]
IDS = ["calling", "called", "both-first", "both-second"]


def connect(network, topology, server):
    net = network(topology, scscf=SETTINGS)
    net.scscf.expect_log("ERROR: (tm|<core>|tmx|sl) |WARNING: (tm|<core>) ")
    scene = Scene(net).connect()
    net.servers[server].kill()
    scene.release()
    return scene


def other_than(who):
    return "caller" if who == "callee" else "callee"


def codes(report):
    return {(c["leg"], c["code"]): c["count"] for c in report["codes"]}


@pytest.mark.parametrize("topology, server, behind", DOWN, ids=IDS)
def test_user_is_told(network, topology, server, behind):
    """Once more, straight to him, with the next CSeq; nothing more to the servers."""
    scene = connect(network, topology, server)
    other = other_than(behind)
    scene.take_bye(getattr(scene, other))
    bye = scene.take_bye(getattr(scene, behind))
    assert [len(bye.values(name)) for name in ("Via", "Route")] == [1, 0]
    assert bye.uri == "sip:ua@" + topology.hostport(behind)
    report = scene.report()
    assert (report["released"], report["failed"]) == (1, 0), report
    assert codes(report) == {("caller", 200): 1, ("callee", 200): 1}
    scene.no_record_left()
    lines = scene.scscf.log_lines("lost in service control: sent straight")
    assert len(lines) == 1 and "the BYE to the %s" % behind in lines[0]
    for ua in (scene.caller, scene.callee):
        ua.silent(0.1)
    assert bye.cseq == sent(scene, other).cseq + 1


def sent(scene, other):
    """The first BYE to who is not `other`: it entered service control."""
    topology = scene.topology
    byes = Wire(bye for bye in scene.wire().requests("BYE")
                if not bye.dst.startswith(topology.address(other)))
    return byes[0]


@pytest.mark.parametrize("answer, released", [(481, 1), (403, 0), (None, 0)])
@pytest.mark.parametrize("topology, server, behind", DOWN[:2], ids=IDS[:2])
def test_its_answer(network, topology, server, behind, answer, released):
    """That BYE is the last: no answer to it is a leg that failed."""
    scene = connect(network, topology, server)
    scene.take_bye(getattr(scene, other_than(behind)))
    ua = getattr(scene, behind)
    bye = ua.receive("BYE")
    check_reason(bye)
    if answer:
        ua.respond(bye, answer)
    report = scene.report()
    assert (report["released"], report["failed"]) == (released, 1 - released), report
    assert codes(report)[(behind, answer or 408)] == 1
    statistics = scene.scscf.statistics()
    assert statistics["byes_sent"] == 3
    assert statistics["failed"] == 1 - released
    again = scene.wire().requests("BYE", dst=topology.address(behind))
    assert {b.cseq for b in again} == {bye.cseq}


@pytest.mark.parametrize("code, times, told", [
    (503, 2, True), (500, 2, True), (504, 1, True), (408, 1, True), (477, 1, True),
    (481, 1, True),
    (403, 1, False), (480, 1, False)])
def test_server_refuses(network, code, times, told):
    """One that fails is gone round, after the second try that any 500 brings; one that
    says no is heard."""
    net = network(CALLING_AS, scscf=SETTINGS)
    scene = Scene(net).connect()
    net.servers["as_orig"].kill()
    server = UserAgent(net.case, net.address("as_orig"), net.address("scscf"))
    scene.release()
    scene.take_bye(scene.caller)
    cseqs = []
    for _ in range(times):
        bye = server.receive("BYE")
        server.respond(bye, code)
        cseqs.append(bye.cseq)
    assert cseqs == [cseqs[0] + 10000 * n for n in range(times)]
    if told:
        assert scene.take_bye(scene.callee).cseq == cseqs[-1] + 1
    report = scene.report()
    assert report["released"] == told, report
    for ua in (server, scene.callee):
        ua.silent(0.1)


DEAF = """
received_route_mode = 1
event_route[core:msg-received] {
    if($(rcv(srcip)) == "127.0.0.1" && $(rcv(buf)) =~ "^BYE ") {
        drop;
    }
}
request_route {
"""


@pytest.mark.parametrize("topology, behind", [(CALLING, "callee"), (CALLED, "caller")],
                         ids=["calling", "called"])
def test_service_control_is_deaf(case, host, topology, behind):
    """The BYE does not even come in: its user is told all the same."""
    net = adapted(case, host, topology, {r"\nrequest_route \{": DEAF},
                  scscf=SETTINGS).start()
    scene = Scene(net).connect().release()
    scene.take_bye(getattr(scene, other_than(behind)))
    scene.take_bye(getattr(scene, behind))
    report = scene.report()
    assert (report["released"], report["failed"]) == (1, 0), report
    assert codes(report) == {("caller", 200): 1, ("callee", 200): 1}
    scene.no_record_left()


def test_silent_user_is_no_server(network):
    """The BYE came by its last pass: it is the user that does not answer."""
    scene = Scene(network(CALLING_AS, scscf=SETTINGS)).connect()
    scene.release()
    scene.take_bye(scene.caller)
    scene.callee.receive("BYE")
    began = time.monotonic()
    report = scene.report()
    assert time.monotonic() - began < 2
    assert (report["released"], report["failed"]) == (1, 0), report
    assert codes(report) == {("caller", 200): 1, ("callee", 408): 1}
    assert scene.scscf.statistics()["byes_sent"] == 2
