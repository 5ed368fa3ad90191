# SPDX-License-Identifier: GPL-2.0-or-later
"""Charged sessions: each credit session is closed once, and credit that ends releases.

ims_charging asks the OCS (Ro); who reads its log finds ERROR and WARNING for what is
its everyday life, hence LOUD.
"""

import collections
import time

import pytest

from imscore.users import answer_theirs
from imscore.way import Way, check_pair
from rig.process import wait_until
from rig.raw import check_reason, live_records

BOTH = Way("both")
CALLING_AS = Way("calling-as", called_served=False, orig=("as1",))
BOTH_AS = Way("both-as", orig=("as1",), term=("as2",))
LOUD = r": (cdp|ims_charging) "

# CC-Request-Type
INITIAL, UPDATE, TERMINATION = 1, 2, 3
ORIG, SIDES = ("orig",), ("orig", "term")

# Credit is asked for so much earlier than it ends.
SOONER = 'modparam("ims_charging", "timer_buffer", 2)\n'
OUT = 402, "Out of credit"


def requests(core):
    """Session-Id -> (CC-Request-Type, CC-Request-Number) of its CCRs, in order."""
    found = collections.defaultdict(list)
    for message in core.case.ro():
        if message.name == "CCR":
            found[message.get("session")].append(
                (message.get("type"), message.get("number")))
    return found


def check_credit(core, *types, sessions=1):
    """So many credit sessions, each with those requests, numbered from 0, no more."""
    found = requests(core)
    assert list(found.values()) == [
        [(what, number) for number, what in enumerate(types)]] * sessions, found


def await_answers(core, count):
    wait_until(lambda: len(core.case.ro()) >= 2 * count, 8, "%d CCAs" % count, 0.2)


# -- the session ends: its credit session does, once ---------------------------------

@pytest.mark.parametrize("who", ["caller", "callee"])
def test_user_hangs_up(session, who):
    talk = session(BOTH, charged=SIDES).connect()
    dialog, asker, asked = talk.sides(who)
    dialog.request("BYE")
    asked.respond(asked.receive("BYE"), 200)
    asker.receive(200)
    talk.over()
    check_credit(talk.core, INITIAL, TERMINATION, sessions=2)


@pytest.mark.parametrize("way, sides", [(CALLING_AS, ORIG), (BOTH_AS, SIDES)], ids=str)
def test_release(session, way, sides):
    """Both BYEs as ever; the one to service control ends each credit session."""
    talk = session(way, charged=sides).connect()
    talk.release()
    talk.take_byes()
    talk.over()
    check_pair(talk.core.case.wire(), talk.core, way, talk.call_id, 503, "Gone")
    check_credit(talk.core, INITIAL, TERMINATION, sessions=len(sides))


def test_release_without_service_control(session):
    talk = session(BOTH, charged=ORIG,
                   scscf='modparam("ims_release", "service_control", 0)\n').connect()
    talk.release()
    talk.take_byes()
    talk.over()
    check_credit(talk.core, INITIAL, TERMINATION)


def test_early(session):
    talk = session(BOTH, charged=ORIG)
    talk.invite(headers=[("Supported", "100rel")]).progress()
    talk.release(480, "Barred")
    talk.refused(480, 480, "Barred")
    talk.cancelled(cause=480, text="Barred")
    talk.over()
    await_answers(talk.core, 2)
    check_credit(talk.core, INITIAL, TERMINATION)


# -- credit ends: the session does, once ---------------------------------------------

CREDIT = {
    # granted once and for all
    "final": ([INITIAL], {"INITIAL": {"time": 1, "final": True}}),
    "final-later": ([INITIAL, UPDATE], {
        "INITIAL": {"time": 1}, "UPDATE": {"time": 1, "final": True}}),
    # CREDIT_LIMIT_REACHED when nothing is left, and while some is
    "refused": ([INITIAL, UPDATE], {
        "INITIAL": {"time": 1}, "UPDATE": {"result": 4012}}),
    "refused-early": ([INITIAL, UPDATE], {
        "INITIAL": {"time": 3}, "UPDATE": {"result": 4012}}),
    # Validity-Time is over before the credit is, and the OCS gives no more
    "validity": ([INITIAL, UPDATE], {
        "INITIAL": {"time": 3, "validity": 1}, "UPDATE": {"result": 4012}}),
    # no answer within cdp's TransactionTimeout
    "silent": ([INITIAL, UPDATE], {"INITIAL": {"time": 1}, "UPDATE": {"delay": 6000}}),
}


@pytest.fixture
def out_of_credit(session):
    """A session whose credit ends: out_of_credit(WAY, what the OCS says, ...)."""
    def start(way, said, scscf="", **kwargs):
        talk = session(way, scscf=SOONER + scscf, **kwargs)
        talk.core.credit(**said)
        talk.scscf.expect_log(LOUD)
        return talk.connect()
    return start


def take_byes(talk, cause, text):
    for user in talk.callee, talk.caller:
        bye = user.receive("BYE", timeout=15)
        check_reason(bye, cause, text)
        user.respond(bye, 200)


def check_released(talk, way, cause, text):
    """Our pair, on the way of TS 24.229, and no other BYE."""
    take_byes(talk, cause, text)
    talk.over()
    check_pair(talk.core.case.wire(), talk.core, way, talk.call_id, cause, text)
    assert talk.scscf.statistics()["byes_sent"] == 2


@pytest.mark.parametrize("how", CREDIT)
def test_credit_ends(out_of_credit, how):
    types, said = CREDIT[how]
    talk = out_of_credit(BOTH, said, charged=ORIG)
    check_released(talk, BOTH, *OUT)
    check_credit(talk.core, *types, TERMINATION)


def test_credit_of_both_ends(out_of_credit):
    """Two credit sessions end at the same time: one pair, through the servers, with
    the Reason that the operator has chosen."""
    talk = out_of_credit(
        BOTH_AS, {"INITIAL": {"time": 1, "final": True}}, charged=SIDES,
        scscf='modparam("ims_release", "credit_cause", 503)\n'
        'modparam("ims_release", "credit_text", "Top up")\n')
    check_released(talk, BOTH_AS, 503, "Top up")
    check_credit(talk.core, INITIAL, TERMINATION, sessions=2)


def test_left_to_ims_dialog(out_of_credit):
    """credit_cause 0: its own pair, as it is without us, and nothing of ours."""
    talk = out_of_credit(
        BOTH, {"INITIAL": {"time": 1, "final": True}}, charged=ORIG,
        scscf='modparam("ims_release", "credit_cause", 0)\n')
    byes = answer_theirs(talk)
    wait_until(lambda: not live_records(talk.scscf))
    talk.over()
    # neither a protocol nor a cause (RFC 3326)
    assert [bye.get("Reason") for bye in byes] == ["outofcredit"] * 2
    # the callee has seen this number, in the PRACK
    assert byes[1].cseq == 2
    assert talk.scscf.statistics()["byes_sent"] == 0
    check_credit(talk.core, INITIAL, TERMINATION)


# -- an OCS that is away, slow, or says no --------------------------------------------

def test_away(session):
    """The release does not wait for it; that the session ended it never hears."""
    talk = session(BOTH, charged=ORIG).connect()
    talk.scscf.expect_log(LOUD)
    talk.core.ocs.stop()
    talk.release()
    talk.take_byes()
    talk.over()
    check_pair(talk.core.case.wire(), talk.core, BOTH, talk.call_id, 503, "Gone")
    check_credit(talk.core, INITIAL)


def test_away_when_credit_is_to_be_renewed(session):
    """ims_charging asks nobody and gives up: the session goes on, and is released."""
    talk = session(BOTH, charged=ORIG, scscf=SOONER)
    talk.core.credit(INITIAL={"time": 5})
    talk.scscf.expect_log(LOUD)
    talk.connect()
    # without a word, so that cdp finds the connection closed
    talk.core.ocs.kill()
    wait_until(lambda: not talk.core.has_peers(talk.scscf), 8, "cdp has noticed", 0.1)
    wait_until(lambda: talk.scscf.log_lines("error trying to reserve interim credit"),
               15, "it gives up", 0.1)
    # the credit is over
    time.sleep(2.5)
    assert talk.state() == "confirmed"
    talk.release()
    talk.take_byes()
    talk.over()
    check_credit(talk.core, INITIAL)


def test_slow(session):
    """Released before it answers the update: both that and the end are heard of."""
    talk = session(BOTH, charged=ORIG)
    talk.core.credit(INITIAL={"time": 1}, UPDATE={"delay": 2500},
                     TERMINATION={"delay": 2500})
    talk.scscf.expect_log(LOUD)
    talk.connect()
    wait_until(lambda: talk.scscf.statistics("ims_charging")["interim_ccrs"], 5,
               "the update", 0.05)
    talk.release()
    talk.take_byes()
    talk.over()
    await_answers(talk.core, 3)
    check_credit(talk.core, INITIAL, UPDATE, TERMINATION)
    answered = [message.time for message in talk.core.case.ro()
                if message.name == "CCA" and message.get("type") != INITIAL]
    wire = talk.core.case.wire()
    check_pair(wire, talk.core, BOTH, talk.call_id, 503, "Gone")
    assert max(message.time for message in wire.requests("BYE")) < min(answered)


def test_slow_at_the_call(session):
    """Released while credit is asked for: the called user never hears of the call."""
    talk = session(BOTH, charged=ORIG)
    talk.core.credit(INITIAL={"delay": 2000})
    talk.scscf.expect_log(LOUD)
    ring(talk)
    wait_until(lambda: live_records(talk.scscf), 5, "a record", 0.02)
    talk.release(480, "Barred")
    talk.refused(480, 480, "Barred")
    await_answers(talk.core, 2)
    talk.over()
    check_credit(talk.core, INITIAL, TERMINATION)


@pytest.mark.parametrize("how, code", [("refused", 402), ("away", 500)])
def test_no_credit(session, how, code):
    """No session comes about, and none is left. A credit session that was refused is
    closed all the same."""
    talk = session(BOTH, charged=ORIG)
    talk.scscf.expect_log(LOUD)
    if how == "away":
        talk.core.ocs.stop()
    else:
        talk.core.credit(INITIAL={"result": 4012})
    ring(talk)
    talk.call.acknowledge_failure(talk.caller.receive(code))
    talk.no_record_left()
    talk.callee.silent()
    if how == "refused":
        await_answers(talk.core, 2)
    check_credit(talk.core, INITIAL, TERMINATION, sessions=int(how == "refused"))


def ring(talk):
    """The INVITE, which the called user does not get."""
    topology = talk.topology
    talk.call = talk.caller.invite(
        topology.called_impu, topology.caller_impu, topology.called_impu)
