# SPDX-License-Identifier: GPL-2.0-or-later
"""TS 24.229 5.4.5.1.1: a session is released while it is being established.

The caller gets a final response, each branch a CANCEL, both with the Reason.
"""

import time

import pytest

from rig.network import BOTH, BOTH_AS, CALLED, CALLING, CALLING_AS
from rig.raw import (CAUSE, TAG, TEXT, Scene, check_reason, contact_of, drain,
                     either, maybe)
from rig.sip import Wire, tag_of

WAYS = [CALLING, CALLED, BOTH_AS]
RELIABLE = [("Require", "100rel"), ("RSeq", "7")]
# tm remembers a transaction that is answered so long: here longer than T1
REMEMBER = {"extra": 'modparam("tm", "wt_timer", 2000)\n'}


def check_wire(scene, cause=CAUSE, text=TEXT):
    """One CANCEL a hop, with one Reason; the caller's ACK goes no further."""
    wire = scene.wire()
    topology = scene.topology
    cancels = Wire(m for m in wire.requests("CANCEL")
                   if not m.src.startswith(topology.address("caller")))
    assert cancels
    for cancel in cancels:
        check_reason(cancel, cause, text)
        assert wire.final_to(cancel) == 200
    assert len({cancel.dst for cancel in cancels.where(
        src=topology.address("scscf"))}) == len({
            invite.dst for invite in wire.requests("INVITE").where(
                src=topology.address("scscf"))})
    caller = topology.address("caller")
    finals = [m for m in wire.responses(method="INVITE", dst=caller) if m.code >= 200]
    assert len({m.start_line for m in finals}) == 1
    for ack in wire.requests("ACK", dst=topology.address("callee")):
        assert ack.branch == scene.offered.branch
    assert not wire.requests("BYE")


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_ringing(network, topology):
    scene = Scene(network(topology)).invite().ring()
    assert scene.state() == "early"
    scene.release().refused()
    scene.cancelled()
    scene.over()
    check_wire(scene)
    statistics = scene.scscf.statistics()
    assert statistics["cancels"] == statistics["released"] == 1
    assert statistics["byes_sent"] == statistics["failed"] == 0


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_reliable_provisional(network, topology):
    """183 with 100rel, PRACK, then UPDATE, then the release."""
    scene = Scene(network(topology)).invite(headers=[("Supported", "100rel")])
    scene.ring(183, headers=RELIABLE)
    scene.within("caller", "PRACK").within("caller", "UPDATE")
    scene.release().refused()
    cancel = scene.expect_cancel()
    # both sides have not heard of it yet
    for dialog, ua, method in ((scene.call, scene.caller, "PRACK"),
                               (scene.call, scene.caller, "UPDATE"),
                               (scene.party, scene.callee, "UPDATE")):
        dialog.request(method)
        ua.receive(481)
    scene.callee.respond(cancel, 200, tag=TAG)
    scene.callee.respond(scene.offered, 487, tag=TAG)
    scene.callee.receive("ACK")
    scene.over()
    check_wire(scene)


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_no_provisional_yet(network, topology):
    """The caller is answered at once, the CANCEL waits (RFC 3261 9.1)."""
    scene = Scene(network(topology, scscf=REMEMBER)).invite().release()
    scene.refused()
    scene.callee.silent(0.1)
    scene.callee.answer(scene.offered, 180, TAG)
    scene.cancelled()
    scene.over()
    check_wire(scene)


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_first_response_lost(network, topology):
    """The INVITE goes out until its first response is here, which the CANCEL follows."""
    scene = Scene(network(topology, scscf={
        "extra": 'modparam("tm", "retr_timer1", 100)\n'})).invite().release()
    scene.refused()
    for _ in range(3):
        assert scene.callee.receive("INVITE", 2).data == scene.offered.data
    scene.callee.answer(scene.offered, 180, TAG)
    scene.cancelled()
    drain((scene.callee, "INVITE"))     # one may have crossed the 180
    scene.callee.silent(0.9)
    scene.over()


def test_invite_not_sent_for_ever(network):
    """To a callee that says nothing it goes out for 64*T1 (RFC 3261 17.1.1.2)."""
    scene = Scene(network(CALLING, scscf={
        "extra": 'modparam("tm", "retr_timer1", 20)\n'})).invite().release()
    scene.refused()
    time.sleep(2 * 64 * 0.02)
    sent = scene.wire().where(is_request=True, method="INVITE",
                              dst=scene.topology.address("callee"))
    after = [invite.time - sent[0].time for invite in sent[1:]]
    assert len(after) == 6
    for waited, seconds in zip((1, 3, 7, 15, 31, 63), after):
        assert waited * 0.02 <= seconds < (waited + 1.5) * 0.02 + 0.1
    drain((scene.callee, "INVITE"))
    scene.nothing_left(8)


@pytest.mark.parametrize("first", [180, 487])
@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_transaction_gone(network, topology, first):
    """The callee's first response comes long after tm's `wt_timer`."""
    scene = Scene(network(topology)).invite().release()
    scene.refused()
    time.sleep(0.8)
    scene.callee.answer(scene.offered, first, TAG)
    if first == 180:
        scene.cancelled()
        check_wire(scene)
    else:
        scene.callee.receive("ACK")
    maybe(scene.callee, "INVITE")   # sent again while nothing was heard
    scene.over()


@pytest.mark.parametrize("topology", [CALLING, CALLING_AS], ids=str)
def test_no_provisional_ever(network, topology):
    scene = Scene(network(
        topology, scscf={"extra": 'modparam("tm", "fr_timer", 1200)\n'}))
    scene.invite().release().refused()
    time.sleep(1.5)
    scene.no_record_left()
    wire = scene.wire()
    callee = topology.address("callee")
    assert not wire.requests("CANCEL", dst=callee)
    assert not [m for m in wire.requests(dst=callee) if m.method != "INVITE"]
    assert scene.report()["released"] == 1


@pytest.mark.parametrize("then", ["cancelled", "silent", "answers-late"])
def test_transaction_ends(network, then):
    """tm keeps the INVITE for its branches, 64*T1 at most, and then nothing is left."""
    scene = Scene(network(
        CALLING, scscf={"extra": 'modparam("tm", "retr_timer1", 40)\n'
                                 'modparam("tm", "fr_timer", 1500)\n'}))
    scene.invite().ring().release().refused()
    cancel = scene.expect_cancel()
    if then == "cancelled":
        scene.callee.respond(cancel, 200, tag=TAG)
        scene.callee.respond(scene.offered, 487, tag=TAG)
    elif then == "answers-late":
        scene.callee.answer(scene.offered, 200, TAG)
        scene.callee.receive("ACK")
        scene.callee.respond(scene.callee.receive("BYE"), 200)
    scene.nothing_left(8)


@pytest.mark.parametrize("topology", [CALLING, BOTH], ids=str)
def test_final_in_place_of_provisional(network, topology):
    """The callee says nothing but its refusal: no CANCEL is needed any more."""
    scene = Scene(network(topology)).invite().release()
    scene.refused()
    scene.callee.respond(scene.offered, 486, tag=TAG)
    scene.callee.receive("ACK")
    scene.over()
    assert not scene.wire().requests("CANCEL", dst=topology.address("callee"))


FORKS = {
    # what the second branch did before the release
    "both-ring": 180,
    "one-silent": None,
    "one-busy": 486,
}


@pytest.mark.parametrize("second", FORKS.values(), ids=FORKS)
@pytest.mark.parametrize("topology", [CALLED, BOTH_AS], ids=str)
def test_branches(network, topology, second):
    scene = Scene(network(topology), third=True).invite()
    offered = scene.third.receive("INVITE")
    scene.ring(tag="one")
    if second == 180:
        scene.third.answer(offered, second, "two")
        scene.caller.receive(second)
    elif second:
        scene.third.respond(offered, second, tag="two")
        scene.third.receive("ACK")
        time.sleep(0.05)    # tm acknowledges it before it notes that it came
    scene.release().refused()
    scene.cancelled(tag="one")
    if second is None:
        scene.third.answer(offered, 180, "two")
    if second != 486:
        scene.cancelled(scene.third, offered, tag="two")
    else:
        scene.third.silent(0.1)
    scene.over()


CAUSES = [
    # the cause, what the caller is answered
    (400, 400), (404, 404), (480, 480), (503, 503), (603, 603), (699, 699),
    (200, 480), (300, 480), (302, 480), (399, 480),
]


@pytest.mark.parametrize("topology", [CALLING], ids=str)
def test_cause(network, topology):
    """The cause of the trigger is the code of the response when it can be one."""
    scene = Scene(network(topology))
    for cause, code in CAUSES:
        text = 'Cause "%d"' % cause
        scene.invite().ring().release(cause, text)
        final = scene.refused(code, cause, text)
        assert final.code == code
        scene.cancelled(cause=cause, text=text)
        scene.over()


def test_default_cause(network):
    scene = Scene(network(CALLED)).invite().ring()
    scene.scscf.rpc("ims_release.release", "callid", scene.call_id)
    scene.refused(text="Released by the network")
    scene.cancelled(text="Released by the network")
    scene.no_record_left()


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_second_trigger(network, topology):
    """While it is under way and afterwards, another one sends nothing."""
    scene = Scene(network(topology)).invite().ring()
    scene.trigger_many(6)
    scene.refused()
    scene.trigger_many(2)
    scene.cancelled()
    scene.trigger_many(2)
    scene.over()
    check_wire(scene)
    assert scene.scscf.statistics()["released"] == 1
    assert scene.scscf.statistics()["cancels"] == 1


def test_no_ack_from_the_caller(network):
    """Its response comes again; the record does not wait for its ACK."""
    scene = Scene(network(CALLING, scscf=REMEMBER)).invite().ring().release()
    final = scene.refused(ack=False)
    scene.cancelled()
    assert scene.report()["released"] == 1
    assert scene.scscf.statistics()["sessions"] == 0
    assert scene.caller.receive(CAUSE).data == final.data
    scene.call.acknowledge_failure(final)
    scene.over()


def test_invite_again(network):
    """A retransmission of the INVITE gets the response again, nobody else sees it."""
    scene = Scene(network(CALLED)).invite().ring().release()
    final = scene.refused(ack=False)
    scene.cancelled()
    scene.caller.send(scene.call.invite.data)
    assert scene.caller.receive(CAUSE).data == final.data
    scene.call.acknowledge_failure(final)
    scene.over()


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_caller_cancels_afterwards(network, topology):
    """Its CANCEL is answered and changes nothing."""
    scene = Scene(network(topology)).invite().ring().release()
    final = scene.refused(ack=False)
    scene.call.cancel()
    scene.caller.receive(200)
    scene.call.acknowledge_failure(final)
    scene.cancelled()
    scene.over()
    check_wire(scene)


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_caller_cancels_before(network, topology):
    """The callee had its CANCEL already: no second one; the caller is told why."""
    scene = Scene(network(topology)).invite().ring()
    scene.call.cancel()
    scene.caller.receive(200)
    cancel = scene.callee.receive("CANCEL")
    assert not cancel.lines("Reason")
    scene.release().refused()
    scene.callee.respond(cancel, 200, tag=TAG)
    scene.callee.respond(scene.offered, 487, tag=TAG)
    scene.callee.receive("ACK")
    scene.over()
    assert len(scene.wire().requests(
        "CANCEL", dst=topology.address("callee"))) == 1


@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
def test_failing_invite(network, topology):
    """The callee refuses in the instant of the trigger: the caller hears one thing."""
    scene = Scene(network(topology))
    for n in range(30):
        scene.invite().ring()
        for step in ("refuse", "release")[::(1, -1)[n % 2]]:
            if step == "refuse":
                scene.callee.respond(scene.offered, 486, tag=TAG)
            else:
                scene.trigger_many(1)
        final = either(scene.caller, 486, CAUSE)
        if final.code == CAUSE:
            check_reason(final)
        scene.call.acknowledge_failure(final)
        scene.callee.receive("ACK")
        crossing = maybe(scene.callee, "CANCEL")
        if crossing:
            scene.callee.respond(crossing, 481, tag=TAG)
    scene.no_record_left()
    scene.caller.silent(0.05)


@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
def test_tags_of_responses(network, topology):
    """The tag of our own response is none of those that the callee chose."""
    scene = Scene(network(topology)).invite().ring(tag="one")
    scene.callee.respond(scene.offered, 183, tag="two",
                         headers=[contact_of(scene.callee)])
    scene.caller.receive(183)
    scene.release()
    final = scene.refused()
    assert tag_of(final.get("To")) not in ("one", "two")
    scene.cancelled(tag="one")
    scene.over()
