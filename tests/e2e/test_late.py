# SPDX-License-Identifier: GPL-2.0-or-later
"""A 2xx to an INVITE that a release has cancelled (RFC 3261 13.2.2.4, 9.1).

It is acknowledged and ended by a BYE, once, and the caller hears nothing of it.
"""

import time

import pytest

from rig.network import BOTH_AS, CALLED, CALLED_AS, CALLING, CALLING_AS
from rig.process import wait_until
from rig.raw import (CAUSE, TAG, Scene, check_reason, contact_of, either, maybe)
from rig.sip import same_party, tag_of
from rig.variant import OTHERS_COMPLAIN

T1 = 0.1     # seconds
QUICK = ('modparam("tm", "retr_timer1", 100)\nmodparam("tm", "retr_timer2", 400)\n'
         'modparam("ims_release", "linger", 1)\n')
WAYS = [CALLING, CALLING_AS, CALLED, CALLED_AS, BOTH_AS]


def early_released(scene, **kwargs):
    scene.invite(**kwargs).ring()
    scene.release().refused()
    return scene


def answers_late(scene, ua=None, offered=None, tag=TAG):
    """The callee picked up before the CANCEL came: its dialog."""
    ua, offered = ua or scene.callee, offered or scene.offered
    cancel = scene.expect_cancel(ua, offered)
    ua.respond(cancel, 200, tag=tag)
    return ua.answer(offered, 200, tag)


def check_in_caller_place(scene, party, message, method, cseq):
    """An ACK or BYE of ours is one that the caller could have sent."""
    assert (message.method, message.cseq) == (method, cseq)
    assert message.call_id == scene.call_id
    assert "<%s>" % message.uri == party.contact
    assert same_party(message.get("From"), party.remote)
    assert same_party(message.get("To"), party.local)
    assert message.values("Route") == []
    if method == "BYE":
        check_reason(message)


def acknowledged_and_ended(scene, party, ua=None, cseq=1, code=200):
    ua = ua or scene.callee
    check_in_caller_place(scene, party, ua.receive("ACK"), "ACK", cseq)
    bye = ua.receive("BYE")
    check_in_caller_place(scene, party, bye, "BYE", cseq + 1)
    ua.respond(bye, code)
    return bye


def way_of(scene, method):
    """The hosts that our own requests of that method went to."""
    topology = scene.topology
    tag = tag_of(scene.party.local)
    return [topology.who_at(m.dst) for m in scene.wire().requests(method)
            if tag_of(m.get("To")) == tag
            and m.cseq == scene.offered.cseq + (method == "BYE")
            and m.branch != scene.offered.branch]


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_late(network, topology):
    scene = early_released(Scene(network(topology)))
    party = answers_late(scene)
    acknowledged_and_ended(scene, party)
    scene.over()
    # as if the first pass relayed the caller's: through all application servers
    assert way_of(scene, "ACK") == way_of(scene, "BYE") == topology.forward[1:]
    assert not scene.wire().responses(200, method="INVITE",
                                      dst=topology.address("caller"))
    statistics = scene.scscf.statistics()
    assert (statistics["byes_sent"], statistics["byes_2xx"]) == (1, 1)


EVENTS = """
event_route[ims_release:bye] {
    $imsrel(headers) = "X-Late: " + $imsrel(leg) + " " + $imsrel(callid);
    xlog("L_NOTICE", "bye to the $imsrel(leg)\\n");
}
event_route[ims_release:done] { xlog("L_NOTICE", "done: $imsrel(result)\\n"); }
"""


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_event_routes(network, topology):
    """They run for the BYE of each late 2xx; the release has ended once."""
    scene = early_released(Scene(network(topology, scscf={"extra": EVENTS})))
    added = ["callee " + scene.call_id]
    one = answers_late(scene, tag="one")
    assert acknowledged_and_ended(scene, one).lines("X-Late") == added
    two = scene.callee.answer(scene.offered, 200, "two")
    assert acknowledged_and_ended(scene, two).lines("X-Late") == added
    scene.over()
    assert len(scene.scscf.log_lines("bye to the callee$")) == 2
    assert len(scene.scscf.log_lines("bye to the")) == 2
    assert len(scene.scscf.log_lines("done: released$")) == 1


@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_answered_without_ringing(network, topology):
    """No provisional response ever came, hence no CANCEL: the 2xx is the first."""
    scene = Scene(network(topology)).invite().release()
    scene.refused()
    party = scene.callee.answer(scene.offered, 200, TAG)
    acknowledged_and_ended(scene, party)
    scene.over()


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_answered_without_ringing_once(network, topology):
    """A branch that has answered is not sent the INVITE again (RFC 3261 17.1.1.2)."""
    scene = Scene(network(topology)).invite().release()
    scene.refused()
    party = scene.callee.answer(scene.offered, 200, TAG)
    acknowledged_and_ended(scene, party)
    time.sleep(1.7)     # it would, after T1 and after 3 of it
    sent = [m for m in scene.wire().requests("INVITE") if m.branch == scene.offered.branch]
    assert len(sent) == 1
    scene.over()


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_retransmitted_to_the_end(network, topology):
    """The first 2xx comes near the end of 64*T1, and again after it: its ACK was lost."""
    scene = early_released(Scene(network(topology, scscf={"extra": QUICK})))
    cancel = scene.expect_cancel()
    scene.callee.respond(cancel, 200, tag=TAG)
    time.sleep(48 * T1)
    party = scene.callee.answer(scene.offered, 200, TAG)
    acknowledged_and_ended(scene, party)
    for _ in range(3):
        time.sleep(12 * T1)
        scene.callee.answer(scene.offered, 200, TAG)
        check_in_caller_place(scene, party, scene.callee.receive("ACK"), "ACK", 1)
    scene.over(timeout=70 * T1)
    assert not scene.wire().responses(200, method="INVITE",
                                      dst=topology.address("caller"))


@pytest.mark.parametrize("topology", [CALLING, CALLED_AS, BOTH_AS], ids=str)
def test_retransmitted(network, topology):
    """The 2xx comes again and again: an ACK each, one BYE."""
    scene = early_released(Scene(network(topology)))
    party = answers_late(scene)
    callee = scene.callee
    callee.receive("ACK")
    bye = callee.receive("BYE")
    for _ in range(3):
        callee.answer(scene.offered, 200, TAG)
        check_in_caller_place(scene, party, callee.receive("ACK"), "ACK", 1)
    callee.respond(bye, 200)
    callee.answer(scene.offered, 200, TAG)
    check_in_caller_place(scene, party, callee.receive("ACK"), "ACK", 1)
    scene.over()


@pytest.mark.parametrize("topology", [CALLED, BOTH_AS], ids=str)
def test_much_later(network, topology):
    """More than six seconds after the CANCEL: tm has forgotten the INVITE."""
    scene = early_released(Scene(network(topology)))
    cancel = scene.expect_cancel()
    scene.callee.respond(cancel, 200, tag=TAG)
    time.sleep(6.2)
    acknowledged_and_ended(scene, scene.callee.answer(scene.offered, 200, TAG))
    scene.callee.answer(scene.offered, 200, TAG)
    scene.callee.receive("ACK")
    scene.over()


def test_after_linger(network):
    """A cancelled INVITE is remembered as long as it may be answered."""
    scene = early_released(Scene(network(
        CALLING, scscf={"extra": 'modparam("ims_release", "linger", 1)\n'})))
    cancel = scene.expect_cancel()
    scene.callee.respond(cancel, 200, tag=TAG)
    time.sleep(1.5)
    acknowledged_and_ended(scene, scene.callee.answer(scene.offered, 200, TAG))
    scene.over()


@pytest.mark.parametrize("topology", [CALLED, BOTH_AS], ids=str)
@pytest.mark.parametrize("again", [False, True], ids=["once", "retransmitted"])
def test_two_branches(network, topology, again):
    """Each is a dialog of its own, and ended by a BYE of its own."""
    scene = Scene(network(topology), third=True).invite()
    offered = scene.third.receive("INVITE")
    scene.ring(tag="one")
    scene.third.answer(offered, 180, "two")
    scene.caller.receive(180)
    scene.release().refused()
    one = answers_late(scene, tag="one")
    two = answers_late(scene, scene.third, offered, "two")
    acknowledged_and_ended(scene, one)
    acknowledged_and_ended(scene, two, scene.third)
    if again:
        scene.callee.answer(scene.offered, 200, "one")
        scene.third.answer(offered, 200, "two")
        scene.callee.receive("ACK")
        scene.third.receive("ACK")
    scene.over()
    assert scene.scscf.statistics()["byes_2xx"] == 2


@pytest.mark.parametrize("topology", [CALLED, BOTH_AS], ids=str)
def test_one_branch_of_two(network, topology):
    """One gives in to the CANCEL, the other has answered."""
    scene = Scene(network(topology), third=True).invite()
    offered = scene.third.receive("INVITE")
    scene.ring(tag="one")
    scene.third.answer(offered, 180, "two")
    scene.caller.receive(180)
    scene.release().refused()
    scene.cancelled(tag="one")
    party = answers_late(scene, scene.third, offered, "two")
    acknowledged_and_ended(scene, party, scene.third)
    scene.over()


def test_two_answers_of_one_branch(network):
    """A proxy behind has forked: two tags in the 2xx of one branch."""
    scene = early_released(Scene(network(CALLING)))
    one = answers_late(scene, tag="one")
    acknowledged_and_ended(scene, one)
    two = scene.callee.answer(scene.offered, 200, "two")
    acknowledged_and_ended(scene, two)
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 2


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_cseq_after_prack(network, topology):
    """The ACK has the INVITE's number, the BYE one above the caller's last."""
    scene = Scene(network(topology)).invite(cseq=7).ring(183)
    scene.within("caller", "PRACK").within("caller", "UPDATE")
    scene.release().refused()
    party = answers_late(scene)
    check_in_caller_place(scene, party, scene.callee.receive("ACK"), "ACK", 7)
    bye = scene.callee.receive("BYE")
    check_in_caller_place(scene, party, bye, "BYE", 10)
    scene.callee.respond(bye, 200)
    scene.over()


ANSWERS = [481, 408, 403, 603]


@pytest.mark.parametrize("topology", [CALLING], ids=str)
def test_answers_to_the_late_bye(network, topology):
    """Whatever it is answered, that is the end of it."""
    scene = Scene(network(topology))
    for code in ANSWERS:
        early_released(scene)
        acknowledged_and_ended(scene, answers_late(scene), code=code)
        scene.over()


@pytest.mark.parametrize("first", ["answer", "trigger"])
@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_crossing(network, topology, first):
    """2xx and trigger in the same instant: one of two outcomes, nobody hangs.

    The trigger won: final response to the caller, ACK and BYE to the callee. The 2xx
    won: relayed, the caller's ACK goes through, then the pair.
    """
    scene = Scene(network(topology))
    won = {"answer": 0, "trigger": 0}
    for n in range(30):
        scene.invite().ring()
        steps = [lambda: scene.callee.answer(scene.offered, 200, TAG),
                 lambda: scene.trigger_many(1)]
        for step in steps if first == "answer" else steps[::-1]:
            step()
            time.sleep(n % 4 * 0.0003)
        final = either(scene.caller, 200, CAUSE)
        won["answer" if final.code == 200 else "trigger"] += 1
        if final.code == 200:
            scene.call.confirm(final)
            scene.callee.receive("ACK")
            scene.take_byes()
        else:
            check_reason(final)
            scene.call.acknowledge_failure(final)
            acknowledged_and_ended(scene, scene.party)
        cancel = maybe(scene.callee, "CANCEL")
        if cancel:
            scene.callee.respond(cancel, 481, tag=TAG)
    scene.no_record_left()
    scene.caller.silent(0.05)
    scene.callee.silent(0.05)
    statistics = scene.scscf.statistics()
    assert statistics["released"] == 30
    assert statistics["byes_2xx"] == statistics["byes_sent"] \
        == 2 * won["answer"] + won["trigger"]


def test_late_contact(network):
    """The BYE goes to the Contact of the 2xx, not to that of the 180."""
    scene = early_released(Scene(network(CALLING)))
    cancel = scene.expect_cancel()
    scene.callee.respond(cancel, 200, tag=TAG)
    party = scene.callee.answer(
        scene.offered, 200, TAG, contact="<sip:moved@%s;x=1>" % scene.callee.hostport)
    assert party.contact != contact_of(scene.callee)[1]
    acknowledged_and_ended(scene, party)
    scene.over()


@pytest.mark.parametrize("routes", [["<sip:10.0.0.%d;lr>" % n for n in range(33)],
                                    ["rubbish"]], ids=["many", "rubbish"])
@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_late_and_not_to_be_recorded(network, topology, routes):
    """The caller does not get it, whatever is in it; the log tells of it."""
    scene = early_released(Scene(network(topology)))
    for line in ("2xx not recorded as a whole: too many or malformed Record-Routes, "
                 "Call-ID " + scene.call_id,
                 "no (BYE|ACK) can be sent, Call-ID " + scene.call_id, OTHERS_COMPLAIN):
        scene.scscf.expect_log(line)
    scene.callee.respond(scene.expect_cancel(), 200, tag=TAG)
    scene.offered.headers[:0] = [("Record-Route", route) for route in routes]
    scene.callee.answer(scene.offered, 200, TAG)
    wait_until(lambda: scene.scscf.log_lines("no BYE can be sent"), 3, "it is there")
    scene.caller.silent(0.3)
    scene.callee.silent(0.05)
