# SPDX-License-Identifier: GPL-2.0-or-later
"""A session is released between the 2xx and the ACK (RFC 3261 15).

The pair waits for the caller's ACK, which is relayed as ever, 64*T1 at most.
"""

import time

import pytest

from rig.network import TOPOLOGIES, BOTH_AS, CALLED, CALLING, CALLING_AS
from rig.pair import check_pair
from rig.raw import CAUSE, TAG, TEXT, Scene, check_reason, contact_of, drain
from rig.sip import tag_of, uri_of
from rig.ua import UserAgent
from rig.variant import OTHERS_COMPLAIN

T1_MS = 50
SHORT = {"extra": 'modparam("tm", "retr_timer1", %d)\n' % T1_MS}


def answered_and_released(scene):
    scene.invite().ring().answer()
    assert scene.state() == "answered"
    scene.release()
    return scene.await_state("releasing")


def over(scene):
    """With so short a T1 our messages may have come twice."""
    drain((scene.callee, "INVITE"), (scene.callee, "BYE"), (scene.caller, "BYE"))
    scene.over()


def check_order(scene):
    """ACK before BYE at the callee, the caller's ACK before the BYE to it."""
    wire, topology = scene.wire(), scene.topology
    at_callee = [m.method for m in wire.requests(dst=topology.address("callee"))]
    assert at_callee == ["INVITE", "ACK", "BYE"]
    check_pair(wire, topology, scene.call_id, CAUSE, TEXT)
    return wire


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_waits_for_the_ack(network, topology):
    scene = answered_and_released(Scene(network(topology)))
    scene.callee.silent(0.15)
    scene.caller.silent(0.05)
    scene.confirm()
    scene.take_byes()
    scene.over()
    wire = check_order(scene)
    ack = wire.requests("ACK", src=topology.address("caller")).one()
    assert min(bye.time for bye in wire.requests("BYE")) > ack.time


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_no_ack(network, topology):
    """The S-CSCF makes the callee's ACK itself when the time is over."""
    scene = answered_and_released(Scene(network(topology, scscf=SHORT)))
    began = time.monotonic()
    scene.callee.receive("ACK", timeout=8)
    waited = time.monotonic() - began
    assert waited > 64 * T1_MS / 1000 - 0.2
    scene.take_byes()
    over(scene)
    wire = check_order(scene)
    ack = wire.requests("ACK", dst=topology.address("callee")).one()
    assert ack.cseq == scene.offered.cseq
    assert not wire.requests("ACK", src=topology.address("caller"))


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_retransmitted_answer(network, topology):
    """While we wait the callee's 2xx still reaches the caller."""
    scene = answered_and_released(Scene(network(topology)))
    for _ in range(2):
        scene.callee.answer(scene.offered, 200, TAG)
        scene.caller.receive(200)
    scene.confirm()
    scene.take_byes()
    scene.over()
    check_order(scene)


@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_ack_comes_late(network, topology):
    """After ours: it is let through, and changes nothing."""
    scene = answered_and_released(Scene(network(topology, scscf=SHORT)))
    scene.callee.receive("ACK", timeout=8)
    scene.call.acknowledge()
    scene.take_byes()
    scene.callee.receive("ACK")
    over(scene)
    assert scene.scscf.statistics()["byes_sent"] == 2


@pytest.mark.parametrize("topology", [CALLING, CALLING_AS], ids=str)
def test_requests_meanwhile(network, topology):
    """Whatever else is sent in the dialog is answered 481 by the S-CSCF."""
    scene = answered_and_released(Scene(network(topology)))
    for dialog, ua in ((scene.call, scene.caller), (scene.party, scene.callee)):
        for method in ("UPDATE", "BYE"):
            dialog.request(method)
            ua.receive(481)
    scene.confirm()
    scene.take_byes()
    scene.over()
    assert scene.scscf.statistics()["answered_481"] == 4


def test_second_trigger(network):
    scene = answered_and_released(Scene(network(CALLING)))
    scene.trigger_many(6)
    scene.confirm()
    scene.trigger_many(2)
    scene.take_byes()
    scene.over()
    check_order(scene)


@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_ack_crosses_the_trigger(network, topology):
    """In either order: ACK, then one pair."""
    scene = Scene(network(topology))
    for n in range(30):
        scene.invite().ring().answer()
        steps = [scene.call.acknowledge, lambda: scene.trigger_many(1)]
        for step in steps[::(1, -1)[n % 2]]:
            step()
            time.sleep(n % 3 * 0.0003)
        scene.callee.receive("ACK")
        scene.take_byes()
    scene.nothing_left()
    scene.callee.silent(0.05)
    assert scene.scscf.statistics()["byes_2xx"] == 60


STRANGER = "127.0.0.99"


def callees_ack(scene, _):
    scene.party.request("ACK", cseq=scene.offered.cseq)


def other_number(scene, _):
    scene.call.request("ACK", cseq=77)


def nowhere_to_go(scene, stranger):
    """Without a Route of ours the script does not relay it."""
    routes, scene.call.routes = scene.call.routes, []
    stranger.send(scene.call.build("ACK", cseq=scene.call.invite.cseq))
    scene.call.routes = routes


@pytest.mark.parametrize("ack", [callees_ack, other_number, nowhere_to_go])
@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_acks_of_others(network, topology, ack):
    """None of them is the caller's ACK to its 2xx: the pair waits on."""
    net = network(topology)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    stranger = UserAgent(net.case, (STRANGER, 5060), net.address("scscf"))
    scene = Scene(net).invite().ring().answer()
    ack(scene, stranger)
    net.scscf.rpc("core.version")
    time.sleep(0.1)
    assert scene.state() == "answered"
    scene.release()
    ack(scene, stranger)
    time.sleep(0.3)
    assert scene.state() == "releasing"
    assert scene.scscf.statistics()["byes_sent"] == 0
    drain((scene.callee, "ACK"), (scene.caller, "ACK"))
    scene.confirm()
    scene.take_byes()
    scene.over()


# -- a 2xx that cannot be recorded as it is --------------------------------------------

ROUTES = [("Record-Route", "<sip:10.0.0.%d;lr>" % n) for n in range(33)]
RUBBISH = [("Record-Route", "rubbish")]
BAD_ROUTES = "too many or malformed Record-Routes"


def half_recorded(scene, why):
    """Who complains of it: we do, of the BYEs too; others of what they cannot read."""
    for line in ("2xx not recorded as a whole: %s, Call-ID %s" % (why, scene.call_id),
                 "no BYE to the call.. can be sent, Call-ID " + scene.call_id,
                 OTHERS_COMPLAIN):
        scene.scscf.expect_log(line)


def answer_with(scene, routes=(), tag=TAG):
    """A 2xx that is relayed as it is; the dialog goes over the routes that are real."""
    real = scene.offered.values("Record-Route")
    scene.offered.headers[:0] = routes      # the callee's end of the list is on top
    scene.callee.respond(scene.offered, 200, tag=tag, headers=[contact_of(scene.callee)])
    scene.call.remote = scene.caller.receive(200).get("To")
    scene.call.target = contact_of(scene.callee)[1].strip("<>")
    scene.call.routes = real[::-1]
    return scene


def half_released(scene, caller=200):
    """The callee cannot be told; of the caller's BYE this is the code."""
    scene.release()
    if caller == 200:
        bye = scene.caller.receive("BYE")
        scene.caller.respond(bye, 200)
        check_reason(bye)
        assert bye.uri == uri_of(scene.call.invite.get("Contact"))
    report = scene.report()
    codes = {entry["leg"]: entry["code"] for entry in report["codes"]}
    assert codes == {"caller": caller, "callee": 503}
    assert (report["released"], report["failed"]) == (0, 1)
    statistics = scene.scscf.statistics()
    assert (statistics["failed"], statistics["cancels"]) == (1, 0)
    for ua in (scene.caller, scene.callee):
        ua.silent(0.05)
    scene.no_record_left()


@pytest.mark.parametrize("routes", [ROUTES, RUBBISH], ids=["many", "rubbish"])
@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_routes_of_the_callee(network, topology, routes):
    """The caller's end of the list is known: it is told."""
    scene = Scene(network(topology)).invite().ring()
    half_recorded(scene, BAD_ROUTES)
    answer_with(scene, routes).confirm().await_state("confirmed")
    half_released(scene)
    bye = scene.wire().requests("BYE", dst=topology.address("caller")).one()
    assert tag_of(bye.get("From")) == TAG


def test_routes_of_the_invite(network):
    """As many as there may be, and ours makes one more. They lead to the caller."""
    routes = ["<sip:127.0.0.21:5060;lr;n=%d>" % n for n in range(32)]
    scene = Scene(network(CALLING)).invite(
        headers=[("Record-Route", route) for route in routes]).ring()
    half_recorded(scene, BAD_ROUTES)
    scene.answer()
    scene.call.routes = scene.offered.values("Record-Route")[:1]
    scene.confirm().await_state("confirmed")
    half_released(scene)
    bye = scene.wire().requests("BYE", dst=CALLING.address("caller")).one()
    assert bye.values("Route") == routes


@pytest.mark.parametrize("tags", [["t%d" % n for n in range(64)],
                                  [("t%d" % n).ljust(1400, "x") for n in range(30)]],
                         ids=["many", "long"])
@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_room_for_the_answer(network, topology, tags):
    """Early dialogs of other tags give way to it."""
    scene = Scene(network(topology)).invite()
    for tag in tags:
        scene.callee.answer(scene.offered, 180, tag)
        scene.caller.receive(180)
    scene.answer().confirm().await_state("confirmed")
    scene.release().take_byes()
    scene.over()
    check_pair(scene.wire(), topology, scene.call_id, CAUSE, TEXT)


def test_answer_without_a_tag(network):
    """A dialog that no BYE can name. It is no success either."""
    scene = Scene(network(CALLING, scscf=SHORT)).invite()
    half_recorded(scene, "no To tag")
    answer_with(scene, tag=None)
    assert scene.state() == "answered"
    half_released(scene, caller=503)
