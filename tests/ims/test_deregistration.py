# SPDX-License-Identifier: GPL-2.0-or-later
"""What the core does by itself when a user's registration ends in mid-session.

ims_usrloc_scscf ends the dialogs of a contact when it deletes it, through ims_dialog:
a pair without a Reason, `contact_delete_delay` (30 s unless set) after the contact
was unlinked. This is how it is without `ims_release`; nothing here is released by us.
"""

import pytest

from imscore.core import SCSCF_URI, impu
from imscore.users import Session, answer_theirs
from imscore.way import Way
from rig.process import wait_until
from rig.raw import live_records

CALLING_AS = Way("calling-as", orig=("as1",))
USER_DEREGISTRATION = 5

SOON = """
modparam("ims_usrloc_scscf", "timer_interval", 1)
modparam("ims_usrloc_scscf", "contact_delete_delay", 1)
"""
LATER = SOON.replace('delay", 1)', 'delay", 3)')


@pytest.fixture
def talk(core):
    """Starts a call whose users are registered for so long: talk(callee=3)."""
    def start(scscf=SOON, way=CALLING_AS, early=False, **expires):
        net = core(("as1",), scscf=scscf)
        # its own name for a state that it enters by itself
        net.scscf.expect_log(r"process_impurecord\(\): Bogus state for contact")
        net.serve("alice", ("as1",))
        made = Session(net, way)
        for who in ["caller"] + ["callee"] * way.called_served:
            user = getattr(made, who)
            assert user.register(expires=expires.get(who, 3600)).code == 200
        return made.invite().ring() if early else made.connect()
    return start


def check_theirs(talk, byes):
    """One BYE each, of ims_dialog, that says not why; no trace of ours."""
    wait_until(lambda: not live_records(talk.scscf))
    assert [bye.lines("Reason") for bye in byes] == [[], []]
    made = [m for m in talk.wire().requests("BYE") if len(m.values("Via")) == 1]
    names = [talk.core.name_at(m.dst) for m in made]
    # straight out on both sides: past service control of the calling user's first pass
    assert sorted(names) == ["as1", "pcscf"], made
    statistics = talk.scscf.statistics()
    assert statistics["byes_sent"] == statistics["sessions"] == 0
    for user in talk.caller, talk.callee:
        user.silent(0.5)


def assignments(talk, user):
    return [m.get("assignment") for m in talk.core.case.cx()
            if m.name == "SAR" and m.get("impu") == impu(user)]


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_by_user(talk, who):
    """REGISTER with Expires 0."""
    call = talk()
    user = getattr(call, who)
    assert user.register(expires=0).code == 200
    check_theirs(call, answer_theirs(call))
    assert assignments(call, user.name)[1:] == [USER_DEREGISTRATION]


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_expiry(talk, who):
    """Nobody refreshes it. The HSS is not told: it has him registered for ever."""
    call = talk(**{who: 2})
    user = getattr(call, who)
    check_theirs(call, answer_theirs(call))
    assert assignments(call, user.name)[1:] == []
    assert call.core.hss_value("serving", user.impu) == SCSCF_URI


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_rtr(talk, who):
    """Registration-Termination-Request with the public identity: RTA says yes."""
    call = talk()
    user = getattr(call, who)
    call.core.deregister(impu=[user.impu], reason=0)
    check_theirs(call, answer_theirs(call))
    rtr, rta = [m for m in call.core.case.cx() if m.name.startswith("RT")]
    assert (rtr.get("impu"), rtr.get("reason"), rta.get("code")) == (user.impu, 0, 2001)


def test_by_administration(talk):
    """The S-CSCF is told to forget a user: regscscf.dereg_impu."""
    call = talk()
    call.scscf.rpc("regscscf.dereg_impu", call.callee.impu)
    check_theirs(call, answer_theirs(call))
    assert assignments(call, "bob")[1:] == []


def test_not_at_once(talk):
    """Until the delay is over the session goes on as if nothing had been."""
    call = talk(LATER)
    # the contact is gone when the dialog ends, and keeps its note of it
    call.scscf.expect_log("Asked to tear down non existent dialog")
    assert call.caller.register(expires=0).code == 200
    call.callee.silent(2)
    assert call.state() == "confirmed"
    call.release()
    call.take_byes()
    call.over()
    # and when it is over, the dialog that we ended is not ended again
    for user in call.caller, call.callee:
        user.silent(2)


def test_early(talk):
    """A session that is not established yet goes on."""
    call = talk(early=True)
    assert call.callee.register(expires=0).code == 200
    for user in call.caller, call.callee:
        user.silent(2.5)
    assert call.state() == "early"
    call.release(480, "Gone")
    call.refused(480, 480)
    call.cancelled(cause=480)
    call.over()


def test_with_another_network(talk):
    """Only one of the users is registered here: his session outlives that."""
    call = talk(way=Way("calling", called_served=False, orig=("as1",)))
    assert call.caller.register(expires=0).code == 200
    for user in call.caller, call.callee:
        user.silent(2.5)
    assert call.state() == "confirmed"
    call.release()
    call.take_byes()
    call.over()


def test_rtr_private_identity_alone(talk):
    """Not supported by ims_registrar_scscf: it does not even answer."""
    call = talk()
    call.scscf.expect_log("RTR received with only IMPI")
    call.core.hss.expect_log("took too long|Failed to convert response")
    call.core.deregister(impi="alice@ims.example", reason=0)
    assert [m.name for m in call.core.case.cx()][-1] == "RTR"
    assert call.state() == "confirmed"
    call.release()
    call.take_byes()
    call.over()


def test_rtr_unknown_user(talk):
    """Nobody answers, and nobody's session suffers."""
    call = talk()
    call.scscf.expect_log("Not found in usrloc")
    call.core.hss.expect_log("took too long|Failed to convert response")
    call.core.deregister(impu=["sip:carol@ims.example"], reason=0)
    assert call.state() == "confirmed"
    call.release()
    call.take_byes()
    call.over()
