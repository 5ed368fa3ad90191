# SPDX-License-Identifier: GPL-2.0-or-later
"""Values of other protocols beside SIP's in the Reason (TS 24.229 7.2A.18, RFC 3326).
"""

import os
import sqlite3

import pytest

from rig.network import BOTH_AS, CALLED_AS, CALLING, CALLING_AS
from rig.process import wait_until
from rig.raw import CAUSE, TAG, TEXT, Scene, check_reason, live_records, maybe
from rig.variant import OTHERS_COMPLAIN

GIVEN = 'Q.850; cause=31; text="Normal, \\"unspecified\\""'
SENT = [("Q.850", "31", 'Normal, "unspecified"')]
DEFAULT = ("modparam('ims_release', 'default_reason', "
           "'RELEASE_CAUSE;cause=2;text=\"RTP/RTCP time-out\", preemption;cause=5')\n")
BY_DEFAULT = [("RELEASE_CAUSE", "2", "RTP/RTCP time-out"), ("preemption", "5", None)]
EACH = [
    # as it is given, as it is sent
    (GIVEN, SENT),
    ("FAILURE_CAUSE;cause=1", [("FAILURE_CAUSE", "1", None)]),
    ("failure_cause;cause=3 , q.850;cause=127",
     [("FAILURE_CAUSE", "3", None), ("Q.850", "127", None)]),
    ("", []),
]


def release(scene, *reason):
    """By the RPC, with that last argument or without."""
    scene.job = scene.scscf.rpc("ims_release.release", "callid", scene.call_id, CAUSE,
                                TEXT, *reason)["job"]


def byes(scene, others, cause=CAUSE, text=TEXT):
    """Both users get their BYE with these values, over every hop."""
    for ua in (scene.callee, scene.caller):
        bye = ua.receive("BYE")
        check_reason(bye, cause, text, others)
        ua.respond(bye, 200)
    wait_until(lambda: not live_records(scene.scscf), 5, "it is over")
    for bye in scene.wire().requests("BYE"):
        check_reason(bye, cause, text, others)


@pytest.mark.parametrize("topology", [CALLING_AS, CALLED_AS, BOTH_AS], ids=str)
def test_argument_and_default(network, topology):
    """In both BYEs, on the direct way and through service control."""
    scene = Scene(network(topology, scscf={"extra": DEFAULT}))
    for given, sent in EACH:
        scene.connect()
        release(scene, given)
        byes(scene, sent)
        report = scene.report()
        assert bool(report.get("reason")) == bool(sent)
    scene.connect()
    release(scene)
    byes(scene, BY_DEFAULT)
    assert scene.report()["reason"] == \
        'RELEASE_CAUSE;cause=2;text="RTP/RTCP time-out", preemption;cause=5'


def test_by_kamcmd(network):
    scene = Scene(network(CALLING)).connect()
    code, text = scene.scscf.kamcmd(
        "ims_release.release", "callid", scene.call_id, CAUSE, TEXT,
        "RELEASE_CAUSE;cause=3;text=\"Media bearer loss\"")
    assert code == 0, text
    byes(scene, [("RELEASE_CAUSE", "3", "Media bearer loss")])


@pytest.mark.parametrize("given", [GIVEN, None], ids=["argument", "default"])
@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_early(network, topology, given):
    """In the final response to the caller and in the CANCEL."""
    scene = Scene(network(topology, scscf={"extra": DEFAULT})).invite().ring()
    others = SENT if given else BY_DEFAULT
    release(scene, *filter(None, [given]))
    final = scene.caller.receive(CAUSE)
    check_reason(final, others=others)
    scene.call.acknowledge_failure(final)
    cancel = scene.callee.receive("CANCEL")
    check_reason(cancel, others=others)
    scene.callee.respond(cancel, 200, tag=TAG)
    scene.callee.respond(scene.offered, 487, tag=TAG)
    scene.callee.receive("ACK")
    scene.no_record_left()


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_provisional_and_final_come_late(network, topology):
    """In the CANCEL that waited for a provisional response, and in the BYE for a 2xx."""
    scene = Scene(network(topology)).invite()
    # to whom the dialog ended with the INVITE
    scene.scscf.expect_log(OTHERS_COMPLAIN)
    release(scene, GIVEN)
    final = scene.caller.receive(CAUSE)
    scene.call.acknowledge_failure(final)
    scene.callee.answer(scene.offered, 180, TAG)
    cancel = scene.callee.receive("CANCEL")
    check_reason(cancel, others=SENT)
    scene.callee.respond(cancel, 200, tag=TAG)
    scene.callee.answer(scene.offered, 200, TAG)
    scene.callee.receive("ACK")
    bye = scene.callee.receive("BYE")
    check_reason(bye, others=SENT)
    scene.callee.respond(bye, 200)
    maybe(scene.callee, "INVITE")
    scene.no_record_left()


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_pending_requests(network, topology):
    """In the responses to a re-INVITE and an UPDATE that wait, and in the CANCEL."""
    scene = Scene(network(topology)).connect()
    scene.call.invite = scene.call.request("INVITE")
    offered = scene.callee.receive("INVITE")
    scene.callee.respond(offered, 180)
    scene.caller.receive(180)
    scene.party.request("UPDATE")
    update = scene.caller.receive("UPDATE")
    release(scene, GIVEN)
    final = scene.caller.receive(487)
    scene.call.acknowledge_failure(final)
    cancel = scene.callee.receive("CANCEL")
    for message in (final, scene.callee.receive(481), cancel):
        check_reason(message, others=SENT)
    scene.callee.respond(cancel, 200)
    scene.callee.respond(offered, 487)
    scene.callee.receive("ACK")
    scene.caller.respond(update, 481)
    byes(scene, SENT)


SCRIPT = [
    # call, what it gives, values beside SIP's; None: nothing is released
    ("""ims_release(480, "x", 'Q.850;cause=31')""", 1, [("Q.850", "31", None)]),
    ("""ims_release("480", "x", "$hdr(X-Reason)")""", 1, SENT),
    ('ims_release(480, "x", "")', 1, []),
    ('ims_release(480, "x")', 1, BY_DEFAULT),
    ("""ims_release_by("callid", "$ci", 480, "x", 'FAILURE_CAUSE;cause=2')""", 1,
     [("FAILURE_CAUSE", "2", None)]),
    ('ims_release_by("callid", "$ci", 480, "x")', 1, BY_DEFAULT),
    ('ims_release(480, "x", "SIP;cause=480")', -2, None),
    ('ims_release(480, "x", "$hdr(X-None)")', -2, None),
    ('ims_release_by("all", "*", 480, "x", "Q.850;cause=128")', -2, None),
]


def test_in_the_script(network):
    """Constant, variable and missing; what is refused releases nothing."""
    does = "\n".join(
        'if($hdr(X-Do) == "%d") { %s; xlog("L_NOTICE", "%d gave $rc\\n"); }'
        % (number, call, number) for number, (call, _, _) in enumerate(SCRIPT))
    net = network(CALLING, scscf={
        "defines": {"WITH_SITE_POLICY": True},
        "extra": DEFAULT + "route[SITE_POLICY] {\n%s\n}\n" % does})
    net.scscf.expect_log(r"ERROR: ims_release \[script\.c|Could not convert PV")
    scene = Scene(net)
    for number, (call, result, others) in enumerate(SCRIPT):
        scene.connect()
        scene.call.request("INFO", headers=[("X-Do", str(number)), ("X-Reason", GIVEN)])
        scene.callee.respond(scene.callee.receive("INFO"), 200)
        lines = wait_until(lambda: net.scscf.log_lines(r"\b%d gave " % number), 3)
        assert int(lines[0].split()[-1]) == result, call
        if others is None:
            assert scene.state() == "confirmed", call
            release(scene, "")
            byes(scene, [])
        else:
            byes(scene, others, 480, "x")
        maybe(scene.caller, 200)


def test_begun_again(network, case):
    """A release that a new process begins again says the same."""
    path = os.path.join(case.folder, "sessions.db")
    net = network(CALLING, scscf={
        "defines": {"WITH_SQLITE": True}, "substs": {"DB_URL": "sqlite:///" + path},
        "extra": 'modparam("ims_release", "db_delay", 0)\n'})
    scene = Scene(net).connect()
    release(scene, GIVEN)
    first = [ua.receive("BYE") for ua in (scene.callee, scene.caller)]
    wait_until(lambda: "Q.850" in kept(path), 5, "the release in the database")
    net.scscf.kill()
    net.scscf.start()
    for ua, before in zip((scene.callee, scene.caller), first):
        bye = wait_until(lambda: again(ua, before), 5, "a BYE with another CSeq")
        check_reason(bye, others=SENT)
        ua.respond(bye, 200)
    wait_until(lambda: not live_records(net.scscf), 5, "it is over")


def kept(path):
    """All that the database has of its one session."""
    connection = sqlite3.connect(path)
    try:
        row = connection.execute("select record from ims_release").fetchone()
        return str(row[0])
    finally:
        connection.close()


def again(ua, before):
    """A BYE that is no retransmission of that one."""
    bye = maybe(ua, "BYE")
    return bye if bye and bye.cseq > before.cseq else None
