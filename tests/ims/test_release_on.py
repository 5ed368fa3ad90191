# SPDX-License-Identifier: GPL-2.0-or-later
"""A registration that ends releases the sessions of its user (TS 24.229 5.4.5.1.2A)."""

import threading
import time

import pytest

from imscore.core import impu
from imscore.users import Session
from imscore.way import Way, check_pair
from rig.raw import check_reason

CALLING_AS = Way("calling-as", orig=("as1",))

ALL = "expired,unregistered,terminated"
# its own timers at their shortest: what it would do by itself comes at once, too
SHORT = """
modparam("ims_usrloc_scscf", "timer_interval", 1)
modparam("ims_usrloc_scscf", "contact_delete_delay", 1)
"""
WHO = ["caller", "callee"]


@pytest.fixture
def talk(core):
    """Starts a call: talk(release_on, callee=3), who is registered for so long."""
    def start(events=ALL, extra="", way=CALLING_AS, early=False, **expires):
        net = core(("as1",), scscf='modparam("ims_release", "release_on", "%s")\n%s'
                   % (events, extra))
        # its own names for what it does by itself
        net.scscf.expect_log(r"process_impurecord\(\): Bogus state for contact")
        net.serve("alice", way.orig)
        made = Session(net, way)
        for who in ["caller"] * way.caller_served + ["callee"] * way.called_served:
            user = getattr(made, who)
            assert user.register(expires=expires.get(who, 3600)).code == 200
        return made.invite().ring() if early else made.connect()
    return start


def released(call, text, cause=480, timeout=5):
    """Both get their BYE, exactly one, as the items say; nothing else comes."""
    for user in call.callee, call.caller:
        bye = user.receive("BYE", timeout)
        check_reason(bye, cause, text)
        user.respond(bye, 200)
    call.nothing_left()
    check_pair(call.core.case.wire(), call.core, call.way, call.call_id, cause, text)
    quiet(call)


def quiet(call, seconds=0.3):
    for user in call.caller, call.callee:
        user.silent(seconds)


def seen(call):
    """The session has been looked at."""
    time.sleep(1.2)
    assert call.state() == "confirmed"
    return call


@pytest.mark.parametrize("who", WHO)
def test_unregistered(talk, who):
    """By the user agent: REGISTER with Expires 0."""
    call = seen(talk("unregistered"))
    assert getattr(call, who).register(expires=0).code == 200
    released(call, "User unregistered")
    job = call.scscf.rpc("ims_release.job", 1)
    assert (job["selector"], job["value"]) == ("registration", "unregistered")
    assert (job["matched"], job["released"]) == (1, 1)


@pytest.mark.parametrize("who", WHO)
def test_expired(talk, who):
    call = talk("expired", **{who: 3})
    released(call, "Registration expired")


@pytest.mark.parametrize("reason,text", [
    (0, "permanent termination"), (1, "new server assigned"),
    (2, "server change"), (3, "S-CSCF removed")])
def test_rtr(talk, reason, text):
    call = seen(talk("terminated"))
    call.core.deregister(impu=[impu("bob")], reason=reason)
    released(call, "Registration terminated: " + text)


def test_rtr_private_identity_alone(talk):
    """All public identities of that user. The registrar does not answer it."""
    call = seen(talk("terminated"))
    call.scscf.expect_log("RTR received with only IMPI")
    call.core.hss.expect_log("took too long|Failed to convert response")
    # the HSS waits for its answer
    asked = threading.Thread(target=call.core.deregister, kwargs={
        "impi": "alice@ims.example", "reason": 0})
    asked.start()
    released(call, "Registration terminated: permanent termination")
    asked.join()
    call.core.deregister(impi="alice@ims.example", reason=0)
    quiet(call)
    assert call.scscf.rpc("ims_release.job", 1)["matched"] == 1
    assert len(call.scscf.rpc("ims_release.jobs")) == 1


def test_rtr_for_others(talk):
    """Of unknown users, by either identity: nobody's session suffers."""
    call = seen(talk())
    call.scscf.expect_log("Not found in usrloc|RTR received with only IMPI")
    call.core.hss.expect_log("took too long|Failed to convert response")
    call.core.deregister(impu=["sip:carol@ims.example"], reason=0)
    call.core.deregister(impi="carol@ims.example", reason=0)
    quiet(call, 1.5)
    assert call.state() == "confirmed"
    assert call.scscf.rpc("ims_release.jobs") == []
    # and twice of one who has a session
    for _ in range(2):
        call.core.deregister(impu=[impu("alice")], reason=2)
    released(call, "Registration terminated: server change")
    call.core.deregister(impu=[impu("alice")], reason=2)
    quiet(call)


def test_rtr_without_session(talk):
    """The user is registered and has none: nothing is released."""
    call = seen(talk(way=Way("calling", called_served=False, orig=("as1",))))
    assert call.callee.register().code == 200
    call.core.deregister(impu=[impu("bob")], reason=0)
    quiet(call, 1.5)
    assert call.state() == "confirmed"
    assert call.scscf.rpc("ims_release.jobs") == []
    call.release()
    call.take_byes()
    call.over()


def test_by_administration(talk):
    call = seen(talk("expired,terminated"))
    call.scscf.rpc("regscscf.dereg_impu", call.callee.impu)
    released(call, "Registration terminated")


def test_refused_register(talk):
    """A REGISTER with Expires 0 that is challenged: it is not he who ends it then."""
    call = seen(talk("expired,terminated"))
    call.callee.send_register(0)
    call.callee.receive(401)
    call.scscf.rpc("regscscf.dereg_impu", call.callee.impu)
    released(call, "Registration terminated")


@pytest.mark.parametrize("served", [True, False], ids=["both", "calling"])
def test_no_second_pair(talk, served):
    """Its own timers as short as can be: ims_dialog adds nothing to our pair."""
    way = Way("way", called_served=served, orig=("as1",))
    call = seen(talk("unregistered", SHORT, way))
    call.scscf.expect_log("Asked to tear down non existent dialog")
    assert call.caller.register(expires=0).code == 200
    released(call, "User unregistered")
    # its own pair would come within three seconds: test_deregistration.py
    quiet(call, 4)
    assert call.scscf.statistics()["byes_sent"] == 2


@pytest.mark.parametrize("service_control", [1, 0])
def test_one_who_is_gone(talk, service_control):
    """The user agent is dead: its BYE is repeated, and past ours there is no other."""
    call = seen(talk("terminated", SHORT + """
modparam("tm", "fr_timer", 8000)
modparam("ims_release", "service_control", %d)
""" % service_control))
    call.scscf.expect_log("Asked to tear down non existent dialog|dlg_terminate")
    call.core.deregister(impu=[impu("alice")], reason=0)
    call.callee.respond(call.callee.receive("BYE"), 200)
    time.sleep(9)
    call.nothing_left()
    byes = call.wire().requests("BYE")
    made = {m.branch for m in byes if len(m.values("Via")) == 1}
    assert len(made) == 2, made
    call.callee.silent()


def test_early(talk):
    """A session that is not established yet: refused and cancelled."""
    call = talk("unregistered", early=True)
    time.sleep(1.2)
    assert call.callee.register(expires=0).code == 200
    call.refused(480, 480, "User unregistered")
    call.cancelled(cause=480, text="User unregistered")
    call.over()


def test_not_asked_for(talk):
    """What release_on does not name is left to ims_dialog."""
    call = seen(talk("expired"))
    assert call.caller.register(expires=0).code == 200
    quiet(call, 2)
    assert call.state() == "confirmed"
    call.release()
    call.take_byes()
    call.over()


def test_cause(talk):
    """release_on_cause."""
    call = seen(talk("unregistered", 'modparam("ims_release", "release_on_cause", 404)'))
    assert call.caller.register(expires=0).code == 200
    released(call, "User unregistered", cause=404)


# -- GRUU ----------------------------------------------------------------------------

INSTANCE = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
# ims_registrar_scscf makes none: one that another registrar has made and noted with
# the binding, as RFC 5627 5.2 has it in the Contact of the 2xx
TEMPORARY = "sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@ims.example;gr"


@pytest.fixture
def gruu(core):
    """A call whose caller has registered an instance, his Contact a GRUU: a public one
    unless told."""
    def start(extra="", instance=INSTANCE, temporary=None):
        net = core(("as1",), scscf=extra)
        net.serve("alice", CALLING_AS.orig)
        call = Session(net, CALLING_AS)
        call.caller.contact += ';+sip.instance="<%s>";temp-gruu="%s"' % (
            INSTANCE, TEMPORARY)
        call.registered = call.caller.contact
        call.register()
        call.caller.contact = "<%s>" % (
            temporary or "%s;gr=%s" % (impu("alice"), instance))
        return call.connect()
    return start


def byes_of(call, text, cause):
    """(the callee's, the caller's)"""
    byes = []
    for user in call.callee, call.caller:
        byes.append(user.receive("BYE"))
        check_reason(byes[-1], cause, text)
        user.respond(byes[-1], 200)
    call.nothing_left()
    quiet(call)
    return byes


WHICH = pytest.mark.parametrize("temporary", [None, TEMPORARY],
                                ids=["public", "temporary"])


@WHICH
def test_gruu(gruu, temporary):
    """Item 2: straight to the address bound to it, past the application server."""
    call = gruu(temporary=temporary)
    call.release()
    byes = byes_of(call, "Gone", 503)
    assert byes[1].uri == "sip:alice@" + call.caller.hostport
    assert byes[0].uri == "sip:bob@" + call.callee.hostport


@WHICH
def test_gruu_remembered(gruu, temporary):
    """The registration that ends releases the session; its address is remembered."""
    call = seen(gruu('modparam("ims_release", "release_on", "unregistered")\n',
                     temporary=temporary))
    call.caller.contact = call.registered
    assert call.caller.register(expires=0).code == 200
    byes = byes_of(call, "User unregistered", 480)
    assert byes[1].uri == "sip:alice@" + call.caller.hostport
    assert call.scscf.log_lines("is bound to no address any more")


@pytest.mark.parametrize("instance,temporary", [
    ("urn:uuid:nobody", None), (None, TEMPORARY.replace("7hs", "7ht"))],
    ids=["public", "temporary"])
def test_gruu_of_nobody(gruu, instance, temporary):
    """No such instance is registered: that leg fails, the other goes on."""
    call = gruu(instance=instance, temporary=temporary)
    call.scscf.expect_log("is bound to no address, and none is remembered")
    call.scscf.expect_log("no BYE to the caller can be sent")
    call.release()
    call.take_bye(call.callee)
    call.over(released=0, failed=1)
