# SPDX-License-Identifier: GPL-2.0-or-later
"""Session timers (RFC 4028): what TS 24.229 5.4.5.2 does when one ends."""

import os
import sqlite3
import time

import pytest

from rig.crowd import Crowd
from rig.network import BOTH_AS, CALLED_AS, CALLING, Network
from rig.pair import check_pair
from rig.process import wait_until
from rig.raw import TAG, Scene, check_reason, contact_of, live_records, nothing_left
from rig.variant import OTHERS_COMPLAIN

SECONDS = 2
LATEST = SECONDS + 3    # up to a second for each: cut time, sweep, slow machine
EXPIRES = [("Session-Expires", "%d;refresher=uac" % SECONDS), ("Require", "timer")]
RELEASED = (408, "Session timer expired")


@pytest.fixture
def network(case, host):
    """Timers may be as short as they are here."""
    def start(topology=CALLING, scscf=None):
        scscf = dict(scscf or {})
        scscf["extra"] = param(session_timer_min=1)["extra"] + scscf.get("extra", "")
        return Network(case, host, topology, scscf=scscf).start()
    return start


def param(**values):
    return {"extra": "".join(
        "modparam('ims_release', '%s', %s)\n"
        % (name, value if isinstance(value, int) else "'%s'" % value)
        for name, value in values.items())}


def connect(scene, headers=tuple(EXPIRES)):
    """A session whose INVITE is answered with these headers."""
    scene.invite().ring()
    scene.party = scene.callee.answer(scene.offered, 200, TAG, headers=headers)
    scene.call.establish(scene.caller.receive(200))
    scene.confirm()
    scene.began = time.monotonic()
    return scene


def refresh(scene, who, method, code=200, headers=tuple(EXPIRES)):
    dialog, asker, asked = scene.sides(who)
    dialog.invite = dialog.request(method)
    offered = asked.receive(method)
    asked.respond(offered, code, headers=[contact_of(asked), *headers])
    final = asker.receive(code)
    if method == "INVITE" and code < 300:
        dialog.request("ACK", cseq=dialog.cseq)
        asked.receive("ACK")
    elif method == "INVITE":
        dialog.acknowledge_failure(final)
        asked.receive("ACK")


def lives(scene, seconds):
    """It does for as long."""
    time.sleep(seconds)
    assert scene.state() == "confirmed"


def ends(scene, since=None):
    """It is gone when its time is up, not before. Returns after how long."""
    since = since or scene.began
    wait_until(lambda: not live_records(scene.scscf), LATEST, "its timer ends")
    passed = time.monotonic() - since
    assert SECONDS <= passed < LATEST, passed


def nothing_sent(scene):
    assert not scene.wire().requests("BYE")
    assert scene.scscf.statistics()["byes_sent"] == 0
    nothing_left(scene.scscf)
    for ua in (scene.caller, scene.callee):
        ua.silent(0.05)


@pytest.mark.parametrize("topology", [CALLING, CALLED_AS, BOTH_AS], ids=str)
def test_deleted(network, topology):
    """No refresh: the record goes, and the dialog module's; nobody is told."""
    scene = connect(Scene(network(topology)))
    shown = scene.scscf.rpc("ims_release.show", "callid", scene.call_id)
    assert 1 <= shown["expires"] <= SECONDS + 1
    ends(scene)
    nothing_sent(scene)
    lines = scene.scscf.log_lines("deleted: its timer has ended")
    assert len(lines) == 1 and scene.call_id in lines[0]
    assert scene.scscf.statistics()["released"] == 0


def test_too_short(network):
    """Nobody takes his call out of reach by a timer that RFC 4028 does not allow."""
    scene = connect(Scene(network(CALLING, scscf=param(session_timer_min=90))))
    lives(scene, SECONDS + 2)
    shown = scene.scscf.rpc("ims_release.show", "callid", scene.call_id)
    assert 80 <= shown["expires"] <= 90
    scene.release()
    scene.take_byes()


def test_late_answer_to_a_refresh(network):
    """The 2xx of a re-INVITE comes after that of a later UPDATE: it is the newer."""
    scene = connect(Scene(network(CALLING)), headers=[("Session-Expires", "60")])
    dialog = scene.call
    dialog.invite = dialog.request("INVITE")
    reinvite = scene.callee.receive("INVITE")
    scene.callee.respond(reinvite, 180)
    refresh(scene, "caller", "UPDATE")
    scene.callee.respond(reinvite, 200, headers=[
        contact_of(scene.callee), ("Session-Expires", "60")])
    scene.caller.receive(200)
    dialog.request("ACK", cseq=dialog.invite.cseq)
    lives(scene, LATEST)


@pytest.mark.parametrize("topology", [CALLING, CALLED_AS, BOTH_AS], ids=str)
def test_released(network, topology):
    """The operator asks for BYEs: the pair, once, as for any other release."""
    scene = connect(Scene(network(topology, scscf=param(session_timer="release"))))
    for ua in (scene.callee, scene.caller):
        bye = ua.receive("BYE", LATEST)
        assert time.monotonic() - scene.began >= SECONDS
        check_reason(bye, *RELEASED)
        ua.respond(bye, 200)
    nothing_left(scene.scscf)
    check_pair(scene.wire(), topology, scene.call_id, *RELEASED)
    assert scene.scscf.statistics()["released"] == 1


def test_reason_of_the_release(network):
    scene = connect(Scene(network(CALLING, scscf=param(
        session_timer="release", session_timer_cause=480,
        default_reason="RELEASE_CAUSE;cause=5"))))
    for ua in (scene.callee, scene.caller):
        bye = ua.receive("BYE", LATEST)
        check_reason(bye, 480, RELEASED[1], [("RELEASE_CAUSE", "5", None)])
        ua.respond(bye, 200)
    nothing_left(scene.scscf)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize("who", ["caller", "callee"])
@pytest.mark.parametrize("topology", [BOTH_AS], ids=str)
def test_refreshed(network, topology, who, method):
    """Each 2xx begins its time anew."""
    scene = connect(Scene(network(topology)))
    for _ in range(2):
        time.sleep(SECONDS - 0.5)
        refresh(scene, who, method)
    assert time.monotonic() - scene.began > SECONDS
    ends(scene, since=time.monotonic())
    nothing_sent(scene)


def test_new_interval(network):
    """A refresh may give another one, longer or shorter."""
    scene = connect(Scene(network(CALLING)), [("Session-Expires", "1800")])
    refresh(scene, "caller", "UPDATE")
    since = time.monotonic()
    ends(scene, since)


NO_TIMER = {
    # what the 2xx says, or the parameter
    "no-header": ([], {}),
    "malformed": ([("Session-Expires", "2s")], {}),
    "zero": ([("Session-Expires", "0")], {}),
    "off": (EXPIRES, {"session_timer": "off"}),
}


@pytest.mark.parametrize("case_", NO_TIMER)
def test_no_timer(network, case_):
    headers, params = NO_TIMER[case_]
    scene = connect(Scene(network(CALLING, scscf=param(**params))), headers)
    lives(scene, LATEST)


def test_timer_ended_by_a_refresh(network):
    """Without Session-Expires in its 2xx the session has no timer any more."""
    scene = connect(Scene(network(CALLING)))
    refresh(scene, "caller", "UPDATE", headers=())
    lives(scene, LATEST)
    assert "expires" not in scene.scscf.rpc(
        "ims_release.show", "callid", scene.call_id)


@pytest.mark.parametrize("method, code", [("INVITE", 488), ("UPDATE", 422)])
def test_refused_refresh(network, method, code):
    """It refreshes nothing."""
    scene = connect(Scene(network(CALLING)))
    time.sleep(SECONDS - 0.7)
    refresh(scene, "caller", method, code)
    assert time.monotonic() - scene.began < SECONDS
    ends(scene)


def test_answer_again(network):
    """A 2xx that comes again begins nothing anew."""
    scene = connect(Scene(network(BOTH_AS)))
    time.sleep(SECONDS - 0.5)
    scene.callee.answer(scene.offered, 200, TAG, headers=EXPIRES)
    again = time.monotonic()
    ends(scene)
    assert time.monotonic() - again < SECONDS + 1.8


def test_compact_form(network):
    scene = connect(Scene(network(CALLING)), [("x", str(SECONDS))])
    ends(scene)


def test_folded(network):
    """On two lines (RFC 3261 7.3.1)."""
    scene = connect(Scene(network(CALLING)), [
        ("Session-Expires", "%d\r\n ;refresher=uac" % SECONDS), ("Require", "timer")])
    ends(scene)


def test_each_answer_of_a_fork(network):
    """Two answered dialogs are two sessions, each with its own timer."""
    scene = Scene(network(CALLING)).invite().ring()
    scene.scscf.expect_log(OTHERS_COMPLAIN)
    scene.party = scene.callee.answer(scene.offered, 200, TAG, headers=EXPIRES)
    scene.call.establish(scene.caller.receive(200))
    scene.confirm()
    scene.callee.answer(scene.offered, 200, "callee-two",
                        headers=[("Session-Expires", "1800")])
    other = scene.call.fork(scene.caller.receive(200))
    other.acknowledge()
    scene.callee.receive("ACK")
    wait_until(lambda: len(live_records(scene.scscf)) == 1, LATEST)
    assert scene.scscf.rpc("ims_release.show", "state", "confirmed")["expires"] > 1000


@pytest.mark.parametrize("does", ["delete", "release"])
def test_many_at_once(network, does):
    """Paced as a job is: calls are not kept waiting, nothing is sent twice."""
    crowd = Crowd(network(CALLING, scscf=param(session_timer=does, hash_size=16)))
    crowd.headers = [("Session-Expires", "4")]
    ids = crowd.call(1000)
    scscf = crowd.net.scscf
    scscf.expect_log("unable to find dialog for BYE")   # of a BYE that is repeated
    if does == "release":
        crowd.wait_told(ids, 15)
    wait_until(lambda: scscf.statistics()["sessions"] == 0, 15)
    assert scscf.statistics()["released"] == (1000 if does == "release" else 0)
    assert len(scscf.log_lines("its timer has ended")) == (does == "delete") * 1000


def test_kept_in_the_database(network, case):
    """The time goes on while Kamailio is down."""
    path = os.path.join(case.folder, "sessions.db")
    net = network(CALLING, scscf={
        "defines": {"WITH_SQLITE": True}, "substs": {"DB_URL": "sqlite:///" + path},
        "extra": 'modparam("ims_release", "db_delay", 0)\n'})
    lasting = connect(Scene(net), [("Session-Expires", "1800")])
    short = connect(Scene(net), [("Session-Expires", "4")])
    wait_until(lambda: rows(path) == 2, 5)
    net.scscf.kill()
    net.scscf.start()
    wait_until(lambda: len(live_records(net.scscf)) == 1, 8)
    assert time.monotonic() - short.began >= 4
    expires = net.scscf.rpc("ims_release.show", "callid", lasting.call_id)["expires"]
    assert 1700 < expires < 1800
    wait_until(lambda: rows(path) == 1, 5)


def rows(path):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(
            "select count(*) from ims_release where state='confirmed'").fetchone()[0]
    finally:
        connection.close()
