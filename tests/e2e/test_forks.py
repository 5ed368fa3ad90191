# SPDX-License-Identifier: GPL-2.0-or-later
"""Forked sessions: each early dialog has its own tag, target, routes and CSeqs.

The release follows the branch that answered; a second 2xx is a session of its own.
"""

import pytest

from rig.network import BOTH_AS, CALLED, CALLING
from rig.process import wait_until
from rig.raw import CAUSE, THIRD, Scene, check_reason
from rig.sip import same_party, tag_of

WAYS = [CALLING, CALLED, BOTH_AS]

# Neither dialog module has room for a second answered dialog of an INVITE.
SECOND_DIALOG = ("tight matching failed|dialog identification elements"
                 "|ims_dialog.*next_state_dlg")


class Branch:
    """One dialog of a forked INVITE: both ends of it, and who is at the called end."""

    def __init__(self, scene, tag, ua=None, offered=None):
        self.scene, self.tag = scene, tag
        self.ua, self.offered = ua or scene.callee, offered or scene.offered
        self.mine = self.theirs = None

    def respond(self, code, headers=()):
        """A response that the caller gets."""
        cseq = self.theirs.cseq if self.theirs else 0
        self.theirs = self.ua.answer(
            self.offered, code, self.tag, headers=headers,
            contact="<sip:%s@%s>" % (self.tag, self.ua.hostport))
        self.theirs.cseq = cseq
        response = self.scene.caller.receive(code)
        assert tag_of(response.get("To")) == self.tag
        if self.mine is None:
            self.mine = self.scene.call.fork(response)
        return self

    def within(self, method, count=1, backwards=False):
        """Requests of the caller, or of the callee, in this dialog alone."""
        asker, dialog, asked = self.scene.caller, self.mine, self.ua
        if backwards:
            asker, dialog, asked = self.ua, self.theirs, self.scene.caller
        for _ in range(count):
            dialog.request(method)
            asked.respond(asked.receive(method), 200)
            asker.receive(200)
        return self

    def answer(self):
        self.respond(200)
        self.mine.acknowledge()
        self.ua.receive("ACK")
        return self

    def take_byes(self):
        """The pair of this dialog, and of no other."""
        to_callee, to_caller = self.ua.receive("BYE"), self.scene.caller.receive("BYE")
        for bye in to_callee, to_caller:
            check_reason(bye)
        assert "<%s>" % to_callee.uri == self.theirs.contact
        assert same_party(to_callee.get("To"), self.theirs.local)
        assert to_callee.cseq == self.mine.cseq + 1
        assert same_party(to_caller.get("From"), self.theirs.local)
        assert "<%s>" % to_caller.uri == self.mine.contact
        assert not self.theirs.cseq or to_caller.cseq == self.theirs.cseq + 1
        self.ua.respond(to_callee, 200)
        self.scene.caller.respond(to_caller, 200)


# -- forked behind us: one branch here, several tags -----------------------------------

FIRST = {"parallel": 180, "busy-then-next": 181, "call-waiting": 182}


@pytest.mark.parametrize("code", FIRST.values(), ids=FIRST)
@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_second_answers(network, topology, code):
    """Two dialogs ring, each with requests of its own; the second is answered."""
    scene = Scene(network(topology)).invite()
    one = Branch(scene, "one").respond(code)
    two = Branch(scene, "two").respond(183)
    one.within("PRACK").within("UPDATE", 4).within("UPDATE", 3, backwards=True)
    two.within("PRACK").within("UPDATE", 2, backwards=True)
    two.answer().within("INFO", 2)
    assert scene.state() == "confirmed"
    scene.release()
    two.take_byes()
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 2


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_first_answers(network, topology):
    """The other one's CSeqs, higher than its own, are of no interest."""
    scene = Scene(network(topology)).invite()
    one = Branch(scene, "one").respond(180)
    two = Branch(scene, "two").respond(183)
    two.within("UPDATE", 5).within("UPDATE", 6, backwards=True)
    one.answer()
    scene.release()
    one.take_byes()
    scene.over()


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_early_dialogs_are_over(network, topology):
    """Released while two ring: no request in either of them goes through."""
    scene = Scene(network(topology)).invite()
    branches = [Branch(scene, tag).respond(180) for tag in ("one", "two")]
    scene.release().refused()
    cancel = scene.expect_cancel()
    for branch in branches:
        branch.mine.request("PRACK")
        scene.caller.receive(481)
        branch.theirs.request("UPDATE")
        scene.callee.receive(481)
    scene.callee.respond(cancel, 200, tag="one")
    scene.callee.respond(scene.offered, 487, tag="one")
    scene.callee.receive("ACK")
    scene.over()


def listed(scene):
    entries = scene.scscf.rpc("ims_release.list", "callid", scene.call_id)["sessions"]
    return {entry["to"].partition("tag=")[2] or entry["id"]: entry for entry in entries}


def both_answered(scene):
    scene.scscf.expect_log(SECOND_DIALOG)
    scene.invite()
    branches = [Branch(scene, tag).respond(180) for tag in ("one", "two")]
    for branch in branches:
        branch.answer()
    # an ACK is noted when it has gone on
    wait_until(lambda: [entry["state"] for entry in listed(scene).values()]
               == ["confirmed"] * 2)
    return branches


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_both_answer(network, topology):
    """Both are listed; a release of the Call-ID sends two pairs."""
    scene = Scene(network(topology))
    one, two = both_answered(scene)
    one.within("INFO", 3)
    two.within("INFO", 1, backwards=True)
    sessions = listed(scene)
    assert [entry["state"] for entry in sessions.values()] == ["confirmed"] * 2
    assert len({entry["id"] for entry in sessions.values()}) == 2
    assert scene.scscf.fault("ims_release.show", "callid", scene.call_id) == 409
    scene.release()
    byes = {tag_of(bye.get("To")): bye
            for bye in (scene.callee.receive("BYE") for _ in range(2))}
    assert set(byes) == {"one", "two"}
    assert (byes["one"].cseq, byes["two"].cseq) \
        == (one.mine.cseq + 1, two.mine.cseq + 1)
    for bye in byes.values():
        scene.callee.respond(bye, 200)
    back = {tag_of(bye.get("From")): bye
            for bye in (scene.caller.receive("BYE") for _ in range(2))}
    assert set(back) == {"one", "two"}
    assert back["two"].cseq == two.theirs.cseq + 1
    for bye in back.values():
        scene.caller.respond(bye, 200)
    scene.over(released=2)


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_one_of_two_by_id(network, topology):
    """A release by id is of that dialog alone: the other goes on, and is next."""
    scene = Scene(network(topology))
    branches = both_answered(scene)
    for number, branch in enumerate(branches):
        ids = sorted(entry["id"] for entry in listed(scene).values()
                     if entry["state"] == "confirmed")
        assert len(ids) == 2 - number
        details = {session: scene.scscf.rpc("ims_release.show", "id", session)
                   for session in ids}
        mine = next(session for session, shown in details.items()
                    if shown["callee"]["tag"] == branch.tag)
        scene.job = scene.scscf.rpc(
            "ims_release.release", "id", mine, 503, "Gone")["job"]
        branch.take_byes()
        assert scene.report()["released"] == 1
        if number == 0:
            branches[1].within("INFO").within("INFO", backwards=True)
    scene.over()


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_second_answer_after_the_trigger(network, topology):
    """The first waits for its ACK when the second 2xx comes: both are ended."""
    scene = Scene(network(topology)).invite()
    one, two = (Branch(scene, tag).respond(180) for tag in ("one", "two"))
    scene.scscf.expect_log(SECOND_DIALOG)
    one.respond(200)
    scene.release().await_state("releasing")
    two.respond(200)
    for branch in one, two:
        branch.mine.acknowledge()
        scene.callee.receive("ACK")
    byes = [scene.callee.receive("BYE") for _ in range(2)]
    assert {tag_of(bye.get("To")) for bye in byes} == {"one", "two"}
    back = [scene.caller.receive("BYE") for _ in range(2)]
    assert {tag_of(bye.get("From")) for bye in back} == {"one", "two"}
    for ua, bye in [(scene.callee, bye) for bye in byes] + [
            (scene.caller, bye) for bye in back]:
        check_reason(bye)
        ua.respond(bye, 200)
    scene.nothing_left()


# -- forked here -----------------------------------------------------------------


@pytest.mark.parametrize("winner", ["first", "second"])
@pytest.mark.parametrize("topology", [CALLED, BOTH_AS], ids=str)
def test_parallel(network, topology, winner):
    """Two contacts ring, one answers, tm cancels the other: the pair is the winner's.
    """
    scene = Scene(network(topology), third=True).invite()
    branches = [Branch(scene, "one").respond(180),
                Branch(scene, "two", scene.third, scene.third.receive("INVITE"))
                .respond(180)]
    won, lost = branches if winner == "first" else branches[::-1]
    won.answer()
    cancel = lost.ua.receive("CANCEL")
    lost.ua.respond(cancel, 200, tag=lost.tag)
    lost.ua.respond(lost.offered, 487, tag=lost.tag)
    lost.ua.receive("ACK")
    won.within("INFO").within("INFO", 2, backwards=True)
    scene.release()
    won.take_byes()
    scene.over()


@pytest.mark.parametrize("topology", [CALLED, BOTH_AS], ids=str)
def test_parallel_both_answer(network, topology):
    """The loser's 2xx crossed its CANCEL: two sessions, released together."""
    scene = Scene(network(topology), third=True).invite()
    scene.scscf.expect_log(SECOND_DIALOG)
    one = Branch(scene, "one").respond(180)
    two = Branch(scene, "two", scene.third, scene.third.receive("INVITE")).respond(180)
    one.answer()
    two.ua.respond(two.ua.receive("CANCEL"), 200, tag="two")
    two.answer()
    scene.release()
    byes = one.ua.receive("BYE"), two.ua.receive("BYE")
    for branch, bye in zip((one, two), byes):
        assert "<%s>" % bye.uri == branch.theirs.contact
        branch.ua.respond(bye, 200)
    back = [scene.caller.receive("BYE") for _ in range(2)]
    assert {tag_of(bye.get("From")) for bye in back} == {"one", "two"}
    for bye in back:
        scene.caller.respond(bye, 200)
    scene.over(released=2)


# the second contact is tried when the first fails
SEQUENTIAL = {
    "defines": {"WITH_SITE_POLICY": True},
    "extra": """
route[SITE_POLICY] {
    if(is_method("INVITE") && !has_totag() && $rd != "HOME_DOMAIN") {
        t_on_failure("NEXT");
        t_set_fr(600, 1000);
    }
}
failure_route[NEXT] {
    if(t_is_canceled() || $rd == "%s") {
        exit;
    }
    if(t_check_status("408|480|486")) {
        $ru = "sip:bob@%s:5060";
        $du = $null;
        t_relay();
    }
}
""" % (THIRD, THIRD)}


@pytest.mark.parametrize("why", ["busy", "no-answer"])
@pytest.mark.parametrize("then", ["early", "answered"])
def test_sequential(network, why, then):
    """The first contact is busy or does not answer, the second is tried."""
    scene = Scene(network(CALLED, scscf=SEQUENTIAL), third=True)
    # the second contact is the script's to find
    scene.scscf.rpc("ul.rm_contact", "location", "bob@ims.example",
                    "sip:bob@%s:5060" % THIRD)
    scene.invite()
    one = Branch(scene, "one").respond(180)
    one.within("UPDATE", 3)
    if why == "busy":
        scene.callee.respond(scene.offered, 486, tag="one")
    else:
        scene.callee.respond(scene.callee.receive("CANCEL"), 200, tag="one")
        scene.callee.respond(scene.offered, 487, tag="one")
    scene.callee.receive("ACK")
    two = Branch(scene, "two", scene.third, scene.third.receive("INVITE")).respond(180)
    two.within("UPDATE", 2, backwards=True)
    if then == "early":
        scene.release().refused()
        scene.cancelled(scene.third, two.offered, tag="two")
    else:
        two.answer()
        scene.release()
        two.take_byes()
    scene.over()


# -- an INVITE that was forked before it came here -----------------------------------


class Upstream:
    """Two copies of an INVITE, over branches of a proxy on the caller's side."""

    def __init__(self, scene, tags=("up-0", "up-1")):
        self.scene = scene.invite()
        scene.scscf.expect_log(SECOND_DIALOG)
        self.sent = [scene.call.invite, scene.call.request("INVITE", cseq=1)]
        self.offered = [scene.offered, scene.callee.receive("INVITE")]
        self.tags = tags
        for n in range(2):
            scene.callee.answer(self.offered[n], 180, tags[n])
            scene.caller.receive(180)

    def over(self, code):
        """The caller's side gets that final response of a branch."""
        final = self.scene.caller.receive(code)
        assert final.branch in [invite.branch for invite in self.sent]
        self.scene.call.invite = [i for i in self.sent if i.branch == final.branch][0]
        self.scene.call.acknowledge_failure(final)
        return final

    def answer(self, n):
        scene = self.scene
        party = scene.callee.answer(self.offered[n], 200, self.tags[n])
        mine = scene.call.fork(scene.caller.receive(200))
        mine.invite = self.sent[n]
        mine.acknowledge()
        scene.callee.receive("ACK")
        return mine, party


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_forked_upstream(network, topology):
    """Each copy is cancelled and answered."""
    scene = Scene(network(topology))
    fork = Upstream(scene)
    assert len(listed(scene)) == 2
    scene.release()
    finals = {fork.over(CAUSE).branch for _ in range(2)}
    assert finals == {invite.branch for invite in fork.sent}
    cancels = {scene.callee.receive("CANCEL").branch for _ in range(2)}
    assert cancels == {offered.branch for offered in fork.offered}
    for offered in fork.offered:
        scene.callee.respond(offered, 487)
        scene.callee.receive("ACK")
    report = scene.report()
    assert (report["matched"], report["released"], report["failed"]) == (2, 2, 0)
    assert scene.scscf.statistics()["cancels"] == 2
    scene.no_record_left()


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_forked_upstream_one_answers(network, topology, n):
    """The other one fails: its session is over, that of the answer is released."""
    scene = Scene(network(topology))
    fork = Upstream(scene)
    fork.answer(n)
    scene.callee.respond(fork.offered[1 - n], 486, tag="up-%d" % (1 - n))
    scene.callee.receive("ACK")
    fork.over(486)
    wait_until(lambda: len(listed(scene)) == 1, 3, "one is left")
    scene.release()
    scene.take_byes()
    report = scene.report()
    assert (report["matched"], report["released"]) == (1, 1)
    scene.no_record_left()


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_forked_upstream_both_answer(network, topology):
    scene = Scene(network(topology))
    fork = Upstream(scene)
    fork.answer(0)
    fork.answer(1)
    assert len(listed(scene)) == 2
    scene.release()
    tags = set()
    for _ in range(2):
        tags.add(tag_of(scene.take_bye(scene.callee).get("To")))
        scene.take_bye(scene.caller)
    assert tags == {"up-0", "up-1"}
    report = scene.report()
    assert (report["matched"], report["released"]) == (2, 2)
    scene.no_record_left()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=str)
def test_forked_upstream_one_tag(network, order):
    """A callee that answers both with one To tag: each answer is its own INVITE's."""
    scene = Scene(network(CALLING))
    fork = Upstream(scene, tags=("same", "same"))
    for n in order:
        party = scene.callee.answer(fork.offered[n], 200, "same")
        mine = scene.call.fork(scene.caller.receive(200))
        mine.invite = fork.sent[n]
        ack = mine.acknowledge()
        scene.callee.receive("ACK")
    assert party and ack
    assert "early" not in scene.states()
    scene.release()
    told = {scene.take_bye(scene.callee), scene.take_bye(scene.caller)}
    assert len(told) == 2


@pytest.mark.parametrize("topology", WAYS, ids=str)
def test_forked_upstream_late(network, topology):
    """The second copy is answered although it is cancelled: its dialog is ended."""
    scene = Scene(network(topology))
    fork = Upstream(scene)
    scene.release()
    for _ in range(2):
        fork.over(CAUSE)
        scene.callee.receive("CANCEL")
    party = scene.callee.answer(fork.offered[1], 200, "up-1")
    scene.callee.receive("ACK")
    bye = scene.take_bye(scene.callee)
    assert tag_of(bye.get("To")) == tag_of(party.local) == "up-1"
    scene.callee.respond(fork.offered[0], 487, tag="up-0")
    scene.callee.receive("ACK")
    scene.caller.silent(0.1)
    scene.no_record_left()
