# SPDX-License-Identifier: GPL-2.0-or-later
"""However a session ends, nothing of it is left, and it ends once."""

import pytest

from imscore.users import answer_theirs
from imscore.way import Way, check_pair
from rig.process import wait_until
from rig.raw import check_reason, either, live_records

BOTH_AS = Way("both-as", orig=("as1",), term=("as2",))


@pytest.fixture
def talk(session):
    return session(BOTH_AS)


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_user_hangs_up(talk, who):
    """The BYE of a user passes all nodes; no further one is made."""
    talk.connect()
    dialog, asker, asked = talk.sides(who)
    dialog.request("BYE")
    asked.respond(asked.receive("BYE"), 200)
    asker.receive(200)
    talk.over()


@pytest.mark.parametrize("first", ["caller", "callee"])
def test_whichever_side_ends_first(talk, first):
    """The answers to our two BYEs, in either order: the dialog's record ends."""
    talk.connect().release()
    sides = {"caller": talk.caller, "callee": talk.callee}
    bye = sides.pop(first).receive("BYE")
    other, = sides.values()
    other_bye = other.receive("BYE")
    (talk.caller if first == "caller" else talk.callee).respond(bye, 200)
    # this one is over for good before the other begins to be
    talk.core.case.capture.wait_for(
        "SIP/2.0 200", talk.core.addresses["scscf"], within="%d BYE" % bye.cseq)
    other.respond(other_bye, 200)
    talk.over()
    check_pair(talk.core.case.wire(), talk.core, BOTH_AS, talk.call_id, 503, "Gone")


def test_user_hangs_up_while_released(talk):
    """A BYE of the user's own that crosses ours is answered; nobody hangs."""
    talk.connect().release()
    talk.call.request("BYE")
    talk.settle(lambda: talk.scscf.rpc("ims_release.job", talk.job)["state"] == "done")
    assert either(talk.caller, 200, 481)
    talk.over()


def test_by_ims_dialog(talk):
    """ims_dialog ends the session itself: its pair alone, and our record goes."""
    talk.connect()
    talk.scscf.rpc("dlg2.end_all_active_dlg")
    answer_theirs(talk)
    wait_until(lambda: not live_records(talk.scscf))
    talk.over()
    assert talk.scscf.statistics()["byes_sent"] == 0


def test_early(talk):
    """Released while it rings: CANCEL and final response, each with the Reason."""
    talk.invite(headers=[("Supported", "100rel")]).progress()
    talk.release(480, "Barred")
    talk.refused(480, 480, "Barred")
    talk.cancelled(cause=480, text="Barred")
    talk.over()
    wire = talk.wire()
    assert not wire.requests("BYE")
    assert [talk.core.name_at(m.dst) for m in wire.requests("CANCEL")] == [
        "as1", "scscf", "icscf", "scscf", "as2", "scscf", "pcscf", "bob"]
    for message in wire.requests("CANCEL") + wire.responses(480):
        check_reason(message, 480, "Barred")
