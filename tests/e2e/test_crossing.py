# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages of the users cross the release: one outcome, nobody hangs, nothing is left.
"""

import threading
import time

import pytest

from rig.network import BOTH_AS, CALLED, CALLED_AS, CALLING
from rig.pair import check_pair
from rig.raw import (CAUSE, TAG, TEXT, Scene, check_reason, drain, either,
                     live_records, maybe)
from rig.sip import Message, tag_of

WAYS = [CALLING, CALLED, BOTH_AS]
WHO = {"caller": ["caller"], "callee": ["callee"], "both": ["caller", "callee"]}


def released(scene):
    return not live_records(scene.scscf)


# -- BYE against release ---------------------------------------------------------


@pytest.mark.parametrize("who", WHO.values(), ids=WHO)
@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_bye_crosses(network, topology, who):
    """BYE and trigger within a millisecond of each other, in either order.

    Each user has sent a BYE or has got one; who sent one has a final answer; no user
    gets two of ours.
    """
    scene = Scene(network(topology))
    for n in range(16):
        scene.connect()
        steps = [lambda: [scene.sides(side)[0].request("BYE") for side in who],
                 lambda: scene.trigger_many(1)]
        for step in steps[::(1, -1)[n % 2]]:
            step()
            time.sleep(n // 2 % 4 * 0.0003)
        for side, byes in zip(("callee", "caller"),
                              scene.settle(lambda: released(scene))):
            assert byes or side in who, "the %s was not told" % side
            assert len([bye for bye in byes if bye.lines("Reason")]) <= 1
        for side in who:
            either(scene.sides(side)[1], 200, 481)
        scene.settle(lambda: True)
        assert maybe(scene.caller, "BYE") is maybe(scene.callee, "BYE") is None
    scene.nothing_left()
    assert scene.scscf.statistics()["byes_sent"] <= 32


@pytest.mark.parametrize("who", WHO.values(), ids=WHO)
@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_bye_during(network, topology, who):
    """Our BYEs are out and not answered yet: theirs gets 481, from the S-CSCF."""
    scene = Scene(network(topology)).connect().release()
    byes = [(ua, ua.receive("BYE")) for ua in (scene.caller, scene.callee)]
    for side in who:
        dialog, ua, _ = scene.sides(side)
        bye = dialog.request("BYE")
        refusal = ua.receive(481)
        assert refusal.branch == bye.branch
    for ua, bye in byes:
        ua.respond(bye, 200)
    scene.over()
    wire = scene.wire()
    ours = wire.where(src=topology.address("scscf")).requests("BYE")
    assert {bye.cseq for bye in ours} == {bye.cseq for _, bye in byes}
    assert scene.scscf.statistics()["answered_481"] == len(who)


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_bye_after(network, topology):
    scene = Scene(network(topology)).connect().release()
    scene.take_byes()
    scene.report()
    for side in WHO["both"]:
        dialog, ua, other = scene.sides(side)
        dialog.request("BYE")
        ua.receive(481)
        other.silent(0.05)
    scene.over()


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_relayed_bye_again(network, topology, side):
    """A BYE that was relayed before the trigger: its retransmission is absorbed."""
    scene = Scene(network(topology)).connect()
    dialog, ua, other = scene.sides(side)
    bye = dialog.request("BYE")
    relayed = other.receive("BYE")
    scene.release()
    ours = ua.receive("BYE"), other.receive("BYE")
    ua.send(bye.data)
    ua.silent(0.1)
    other.respond(relayed, 200)
    ua.receive(200)
    ua.send(bye.data)
    ua.receive(200)
    ua.respond(ours[0], 200)
    other.respond(ours[1], 481)
    scene.over()
    assert {bye.cseq for bye in ours} >= {relayed.cseq + 1}


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_challenged_bye(network, topology, side):
    """407 to a BYE: the session goes on, and is released with the CSeq after it."""
    scene = Scene(network(topology)).connect()
    dialog, ua, other = scene.sides(side)
    bye = dialog.request("BYE")
    other.respond(other.receive("BYE"), 407)
    ua.receive(407)
    assert scene.state() == "confirmed"
    scene.release()
    to_callee, to_caller = scene.take_byes()
    assert bye.cseq + 1 == (to_callee if side == "caller" else to_caller).cseq
    scene.over()


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_challenged_bye_again(network, topology, side):
    """With credentials it is answered 200: that was the end."""
    scene = Scene(network(topology)).connect()
    dialog, ua, other = scene.sides(side)
    for code in (407, 200):
        dialog.request("BYE")
        other.respond(other.receive("BYE"), code)
        ua.receive(code)
    scene.over()
    assert scene.scscf.fault(
        "ims_release.release", "callid", scene.call_id, 503, "Gone") == 404


# -- other requests that wait for their answer ---------------------------------------


@pytest.mark.parametrize("ringing", [True, False], ids=["proceeding", "silent"])
@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("topology", [CALLED_AS, BOTH_AS], ids=str)
def test_pending_invite(network, topology, side, ringing):
    """487 to who asked, CANCEL to who was asked, BYEs above its CSeq."""
    scene = Scene(network(topology)).connect()
    dialog, ua, other = scene.sides(side)
    dialog.invite = dialog.request("INVITE")
    offered = other.receive("INVITE")
    if ringing:
        other.respond(offered, 180)
        ua.receive(180)
    scene.release()
    final = ua.receive(487)
    check_reason(final)
    dialog.acknowledge_failure(final)
    if ringing:
        cancel = other.receive("CANCEL")
        check_reason(cancel)
        other.respond(cancel, 200)
    scene.take_byes()
    other.respond(offered, 487)
    other.receive("ACK")
    scene.report()
    maybe(other, "INVITE")
    maybe(other, "CANCEL")
    scene.no_record_left()
    check_pair(scene.wire(), topology, scene.call_id, CAUSE, TEXT)


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_pending_invite_answered(network, topology, side):
    """The 2xx to a re-INVITE crosses the release: who asked has its 487."""
    scene = Scene(network(topology)).connect()
    dialog, ua, other = scene.sides(side)
    dialog.invite = dialog.request("INVITE")
    offered = other.receive("INVITE")
    other.respond(offered, 180)
    ua.receive(180)
    scene.release()
    dialog.acknowledge_failure(ua.receive(487))
    other.respond(other.receive("CANCEL"), 200)
    other.answer(offered, 200)
    scene.take_byes()
    scene.report()
    scene.no_record_left()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_pending_of_both(network, topology, method):
    """A re-INVITE of the caller crosses a re-INVITE or an UPDATE of the callee."""
    scene = Scene(network(topology)).connect()
    code = {"INVITE": 487, "UPDATE": 481}[method]
    scene.call.invite = scene.call.request("INVITE")
    scene.party.invite = scene.party.request(method)
    at_callee, at_caller = scene.callee.receive("INVITE"), scene.caller.receive(method)
    scene.release()
    scene.call.acknowledge_failure(scene.caller.receive(487))
    final = scene.callee.receive(code)
    if method == "INVITE":
        scene.party.acknowledge_failure(final)
    to_callee, to_caller = scene.take_byes()
    assert to_callee.cseq == at_callee.cseq + 1
    assert to_caller.cseq == at_caller.cseq + 1
    for ua, offered in ((scene.callee, at_callee), (scene.caller, at_caller)):
        ua.respond(offered, 491)
        if offered.method == "INVITE":
            ua.receive("ACK")
    scene.report()
    drain((scene.callee, "INVITE"), (scene.caller, method))
    scene.no_record_left()
    check_pair(scene.wire(), topology, scene.call_id, CAUSE, TEXT)


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_early_bye(network, topology):
    """The caller ends its early dialog by a BYE (RFC 3261 15): the INVITE is still
    open when the trigger comes, and is ended as ever.
    """
    scene = Scene(network(topology)).invite().ring()
    scene.call.request("BYE")
    bye = scene.callee.receive("BYE")
    assert scene.state() == "early"
    scene.release().refused()
    cancel = scene.expect_cancel()
    scene.callee.respond(bye, 200)
    scene.caller.receive(200)
    scene.callee.respond(cancel, 200, tag=TAG)
    scene.callee.respond(scene.offered, 487, tag=TAG)
    scene.callee.receive("ACK")
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 0


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_pending_update(network, topology, side):
    """481 to who asked, at once; what the other says later is of no interest."""
    scene = Scene(network(topology)).connect()
    dialog, ua, other = scene.sides(side)
    dialog.request("UPDATE")
    offered = other.receive("UPDATE")
    scene.release()
    ua.receive(481)
    scene.take_byes()
    other.respond(offered, 200)
    scene.over()
    check_pair(scene.wire(), topology, scene.call_id, CAUSE, TEXT)


@pytest.mark.parametrize("side", ["caller", "callee"])
@pytest.mark.parametrize("method, code", [("REFER", 202), ("NOTIFY", 200),
                                          ("INFO", 200), ("OPTIONS", 200)])
def test_pending_others(network, method, code, side):
    """They are answered as ever; the BYEs have CSeqs above theirs."""
    scene = Scene(network(CALLED)).connect()
    dialog, ua, other = scene.sides(side)
    dialog.request(method)
    offered = other.receive(method)
    scene.release()
    other.respond(offered, code)
    ua.receive(code)
    scene.take_byes()
    scene.over()
    check_pair(scene.wire(), CALLED, scene.call_id, CAUSE, TEXT)


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_refer_and_notify(network, topology):
    """Requests of both sides cross the trigger, refused or through: CSeqs hold."""
    scene = Scene(network(topology)).connect()
    scene.within("caller", "REFER", 202)
    for _ in range(3):
        scene.within("callee", "NOTIFY")
    scene.within("callee", "INFO", 403)
    scene.release()
    byes = [(ua, ua.receive("BYE")) for ua in (scene.callee, scene.caller)]
    scene.party.request("NOTIFY")
    scene.callee.receive(481)
    for ua, bye in byes:
        check_reason(bye)
        ua.respond(bye, 200)
    scene.over()
    assert [bye.cseq for _, bye in byes] == [3, 5]


@pytest.mark.parametrize("method, code", [("INVITE", 487), ("UPDATE", 481)])
@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_pending_twice(network, topology, method, code):
    """The network doubles the request: two processes have a copy at the same time."""
    scene = Scene(network(topology))
    # tm, of the copy that came second
    scene.scscf.expect_log("no resolved dst to retransmit")
    for _ in range(25):
        scene.connect()
        data = scene.call.build(method)
        scene.call.invite = Message(data)
        for _ in range(2):
            scene.caller.send(data)
        offered = scene.callee.receive(method)
        scene.release()
        final = scene.caller.receive(code)
        if method == "INVITE":
            scene.call.acknowledge_failure(final)
        scene.take_byes()
        cancel = maybe(scene.callee, "CANCEL")
        if cancel:
            scene.callee.respond(cancel, 200)
        scene.callee.respond(offered, code)
        if method == "INVITE":
            scene.callee.receive("ACK")
        scene.report()
        drain((scene.caller, code), (scene.callee, method))
    scene.no_record_left()


@pytest.mark.parametrize("ringing", [True, False], ids=["early", "confirmed"])
@pytest.mark.parametrize("topology", [CALLED, BOTH_AS], ids=str)
def test_invite_twice(network, topology, ringing):
    """The first INVITE comes twice at the same time: one record, one release."""
    scene = Scene(network(topology))
    scene.scscf.expect_log("no resolved dst to retransmit")
    for _ in range(25):
        scene.invite(twice=True).ring()
        if ringing:
            scene.release().refused()
            scene.cancelled()
        else:
            scene.answer().confirm().release()
            scene.take_byes()
        report = scene.report()
        assert (report["matched"], report["released"]) == (1, 1)
        drain((scene.callee, "INVITE"), (scene.caller, 180), (scene.caller, 200),
              (scene.caller, CAUSE))
    scene.no_record_left()


# -- triggers --------------------------------------------------------------------


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_six_triggers(network, topology):
    """From the control socket and over JSON at once: one pair."""
    scene = Scene(network(topology)).connect()
    words = ["ims_release.release", "callid", scene.call_id, CAUSE, TEXT]
    threads = [threading.Thread(target=scene.scscf.kamcmd, args=words)
               for _ in range(3)]
    for thread in threads:
        thread.start()
    scene.trigger_many(3)
    for thread in threads:
        thread.join()
    scene.take_byes()
    scene.over()
    check_pair(scene.wire(), topology, scene.call_id, CAUSE, TEXT)
    assert scene.scscf.statistics()["released"] == 1


def test_tags_are_the_dialogs(network):
    """A stranger's BYE with the Call-ID and another tag is no BYE of the session."""
    scene = Scene(network(CALLING)).connect()
    scene.scscf.expect_log("tight matching failed|dialog identification elements")
    genuine = scene.call.local
    scene.call.local = genuine.replace(tag_of(genuine), "stranger")
    scene.call.request("BYE")
    strange = maybe(scene.callee, "BYE", 0.3)
    if strange:
        scene.callee.respond(strange, 481, tag=TAG)
    assert scene.state() == "confirmed"
    scene.release()
    scene.take_byes()
