# SPDX-License-Identifier: GPL-2.0-or-later
"""Two nodes on two machines: one is lost, or cut off, and the other takes its place."""

import random
import time

import pytest

from rig.crowd import Crowd
from rig.kdmq import field, hostile, kdmq
from rig.lan import LanCase
from rig.network import BOTH_AS, CALLING, CALLING_AS
from rig.pair import Dialog, check_pair
from rig.process import wait_until
from rig.raw import CAUSE, TEXT, Scene
from rig.standby import LAN, NAME, REST, Pair, shown

pytestmark = pytest.mark.only_host("dialog")

TOLD = 0.2      # s; other nodes know of a change after 50 ms


@pytest.fixture
def case(case_of):
    return case_of(LanCase, REST)


@pytest.fixture
def pair(case, host):
    """Both nodes up, and a crowd of users: pair(topology) -> Pair."""
    def make(topology=CALLING, start=True, **kwargs):
        made = Pair(case, host, topology, **kwargs)
        return made.start() if start else made
    return make


def made(byes):
    """Those that an S-CSCF made, of what went over the wire."""
    return [bye for bye in byes.requests("BYE") if len(bye.values("Via")) == 1]


def again(lost):
    """Of sessions whose release was under way at that time: CSeqs above it."""
    class Again(Dialog):
        def __init__(self, wire, topology, call_id):
            super().__init__(wire, topology, call_id)
            self.setup += type(wire)(
                m for m in wire.where(call_id=call_id)
                if m.method == "BYE" and m.is_request and m.time < lost)
    return Again


def stages(wire, ids, lost):
    """Of those sessions: over at that time, under way, not begun."""
    over, under_way, not_begun = [], [], []
    for call_id, messages in wire.by_call().items():
        byes = [bye for bye in made(messages) if bye.time < lost]
        answered = [bye for bye in byes if any(
            m.code == 200 and m.time < lost for m in messages.answers_to(bye))]
        if call_id in ids:
            (not_begun if not byes else over if len(answered) == 2
             else under_way).append(call_id)
    return over, under_way, not_begun


@pytest.mark.only_host("dialog", "ims_dialog")
def test_lost_in_mid_drain(pair):
    """Killed while it releases fifty: each party is told, nobody twice but who was
    being told at that moment."""
    both = pair(BOTH_AS)
    crowd = Crowd(both.net)
    ids = crowd.call(50)
    both.await_copies(50)
    both.a.rpc("ims_release.rate", 40)
    both.a.rpc("ims_release.release", "all", "*", CAUSE, TEXT)
    wait_until(lambda: len(crowd.told["caller"]) >= 15, 5, "some are over")
    crowd.answers.update(caller=None, callee=None)
    wait_until(lambda: len(crowd.told["caller"]) >= 25, 5, "more are under way")
    both.a.rpc("ims_release.rate", 1)
    time.sleep(TOLD)
    lost = both.lose()
    crowd.answers.update(caller=200, callee=200)
    # the application servers repeat BYEs of the first node, to the second: they end
    # no copy
    over, under_way, not_begun = stages(both.case.wire(), ids, lost)
    assert min(map(len, (over, under_way, not_begun))) >= 5
    assert both.takeover() == len(under_way) + len(not_begun)
    job = both.b.rpc("ims_release.release", "all", "*", CAUSE, TEXT)
    wait_until(lambda: not both.b.statistics()["sessions"], 10, "all are over")
    report = both.b.rpc("ims_release.job", job["job"])
    assert (report["released"], report["failed"]) == (len(not_begun), 0), report
    for call_id, messages in both.case.wire().by_call().items():
        if call_id in over:
            check_pair(messages, both.topology, call_id, CAUSE, TEXT)
        elif call_id in ids:
            check_pair(messages, both.topology, call_id, CAUSE, TEXT, again(lost), lost)


def pairs_of(wire, call_id):
    """The BYEs that S-CSCFs made for a session."""
    return made(wire.where(call_id=call_id))


def check_released(both, ids):
    """Each by one pair, when the users that were told have agreed: what passed."""
    for node in both.a, both.b:
        wait_until(lambda node=node: node.statistics()["releasing"] == 0)
    wire = both.case.wire()
    for call_id in ids:
        check_pair(wire, both.topology, call_id, CAUSE, TEXT)
    return wire


def test_split_and_rejoin(pair):
    """Both live: what one of them has released is told once."""
    both = pair(CALLING)
    crowd = Crowd(both.net)
    ids = crowd.call(12)
    ours, theirs, left = ids[:4], ids[4:8], ids[8:]
    both.await_copies(12)
    both.split()
    for call_id in ours:
        both.a.rpc("ims_release.release", "callid", call_id, CAUSE, TEXT)
    new = crowd.call(3)         # while nobody else is told
    crowd.wait_told(ours)
    both.move()
    assert both.takeover() == 12
    for call_id in theirs:
        both.b.rpc("ims_release.release", "callid", call_id, CAUSE, TEXT)
    crowd.wait_told(theirs)
    both.rejoin()
    # each knows now what the other did
    both.await_owner(both.a, left, "b")
    both.await_owner(both.b, new, "a")
    wait_until(lambda: both.b.statistics()["sessions"] == len(left + new), 10,
               "what the first node released is gone")
    wait_until(lambda: both.a.statistics()["sessions"] == len(left + new), 10,
               "what the second node released is gone")
    assert both.b.rpc("ims_release.release", "all", "*", CAUSE, TEXT)["matched"] == 4
    crowd.wait_told(left)
    assert both.a.rpc("ims_release.list", "all", "*")["matched"] == len(new)
    wire = check_released(both, ours + theirs + left)
    assert not any(pairs_of(wire, call_id) for call_id in new)


def owned(node):
    return {entry["callid"] for entry in
            node.rpc("ims_release.list", "all", "*", 0, 200)["sessions"]}


@pytest.mark.parametrize("cut_off", [True, False], ids=["split", "in-touch"])
def test_back_and_forth(pair, cut_off):
    """Nothing is lost, whichever of its messages overtake one another."""
    both = pair(CALLING)
    ids = set(Crowd(both.net).call(6))
    both.await_copies(6)
    turns = [("a", both.b, both.a), ("b", both.a, both.b)] * 3
    for n, (lost, by, other) in enumerate(turns):
        if cut_off:
            both.split()
            time.sleep(0.2)
        assert both.takeover(lost, by) == 6, "round %d" % n
        if cut_off:
            time.sleep(TOLD)
            both.rejoin()
        both.await_owner(other, ids, "ab"[lost == "a"])
        time.sleep(1.5)     # a copy of all has come since
        assert (owned(by), owned(other)) == (ids, set()), "round %d" % n


def test_takeover_said_twice(pair):
    """What the first node ended while it was cut off goes, all the same."""
    both = pair(CALLING)
    crowd = Crowd(both.net)
    ids = crowd.call(6)
    both.await_copies(6)
    both.split()
    time.sleep(1)
    assert both.takeover() == 6
    time.sleep(1.6)
    assert both.takeover() == 0
    crowd.hang_up(ids[:3])
    both.rejoin()
    both.await_owner(both.a, ids[3:], "b")
    wait_until(lambda: owned(both.b) == set(ids[3:]), 15, "those that ended are gone")
    wait_until(lambda: both.a.statistics()["sessions"] == 3, 5)


def test_both_release_in_a_split(pair):
    """Neither can know: two pairs, alike, and nothing more when they hear of it."""
    both = pair(CALLING)
    crowd = Crowd(both.net)
    call_id, = crowd.call(1)
    both.await_copies(1)
    both.split()
    both.a.rpc("ims_release.release", "callid", call_id, CAUSE, TEXT)
    crowd.wait_told([call_id])
    both.move()
    both.takeover()
    both.b.rpc("ims_release.release", "callid", call_id, CAUSE, TEXT)
    wait_until(lambda: not both.b.statistics()["sessions"], 5, "it is over there too")
    both.rejoin()
    wait_until(lambda: both.a.log_lines("taken over") or both.a.statistics()[
        "sessions"] == 0, 5, "they have heard")
    first = pairs_of(both.case.wire(), call_id)
    assert [bye.uri for bye in first[:2]] == [bye.uri for bye in first[2:]]
    assert len(first) == 4
    # the number after the one that the party used last, both times
    assert [bye.cseq for bye in first if "@" + LAN % 22 in bye.uri] == [2, 2]
    time.sleep(1)
    assert len(pairs_of(both.case.wire(), call_id)) == 4


def sqlite(folder, name):
    return {"defines": {"WITH_SQLITE": True},
            "substs": {"DB_URL": "sqlite:///%s/%s.db" % (folder, name)},
            "extra": 'modparam("ims_release", "db_delay", 50)\n'}


@pytest.fixture(params=["memory", "database"])
def nodes_with(request, pair, case):
    """Both nodes with a database of their own, or without one."""
    def make(topology=CALLING):
        if request.param == "memory":
            return pair(topology)
        return pair(topology, first=sqlite(case.folder, "a"),
                    second=sqlite(case.folder, "b"))
    return make


def test_back_after_takeover(nodes_with):
    """A node that was lost has nothing of what was taken over, wherever it kept it."""
    both = nodes_with()
    crowd = Crowd(both.net)
    ids = crowd.call(6)
    both.await_copies(6)
    time.sleep(TOLD)
    both.a.kill()
    both.move()
    assert both.takeover() == 6
    both.b.rpc("ims_release.release", "callid", ids[0], CAUSE, TEXT)
    crowd.wait_told(ids[:1])
    both.a.start()
    both.await_owner(both.a, ids[1:], "b")
    wait_until(lambda: both.a.statistics()["sessions"] == 5, 10, "the first is gone")
    assert both.a.rpc("ims_release.release", "all", "*", CAUSE, TEXT)["matched"] == 0
    assert both.b.rpc("ims_release.release", "all", "*", CAUSE, TEXT)["matched"] == 5
    crowd.wait_told(ids)
    wait_until(lambda: not both.a.statistics()["sessions"], 5, "it hears of the end")
    check_released(both, ids)


def test_standby_starts_anew_after_takeover(pair, case):
    """What it took over is its own still, and the other, cut off all the while, gives
    it up."""
    both = pair(CALLING, second=sqlite(case.folder, "b"))
    crowd = Crowd(both.net)
    ids = crowd.call(6)
    both.await_copies(6)
    both.split()
    both.move()
    assert both.takeover() == 6
    time.sleep(TOLD)
    both.b.kill()
    both.b.start()
    assert both.b.statistics()["sessions"] == 6
    both.rejoin()
    both.await_owner(both.a, ids, "b")
    assert both.a.rpc("ims_release.release", "all", "*", CAUSE, TEXT)["matched"] == 0
    assert both.b.rpc("ims_release.release", "all", "*", CAUSE, TEXT)["matched"] == 6
    crowd.wait_told(ids)
    check_released(both, ids)


def test_started_anew_before_takeover(nodes_with):
    """The standby has what the first node forgot, and follows what it did not."""
    both = nodes_with()
    scene = Scene(both.net).connect()
    both.await_copies(1)
    scene.within("caller", "INFO")
    time.sleep(TOLD)
    both.a.kill()
    both.a.start()
    remembers = both.a.statistics()["sessions"] == 1
    scene.within("caller", "INFO")
    if remembers:
        wait_until(lambda: shown(both.b, scene.call_id)["caller"]["cseq"] == 3, 10,
                   "the standby follows")
    time.sleep(2.5)     # a copy of all has been told
    both.lose()
    assert both.takeover() == 1
    both.b.rpc("ims_release.release", "all", "*", CAUSE, TEXT)
    callee, caller = scene.take_byes()
    assert callee.cseq == (4 if remembers else 3)


def test_address_moved_before_takeover(pair):
    """Copies follow what passes: requests within the dialog, and its end."""
    both = pair(CALLING_AS)
    scene = Scene(both.net).connect()
    both.await_copies(1)
    both.lose()
    scene.within("caller", "INFO")
    scene.within("callee", "UPDATE", contact="<sip:moved@%s:5060>" % (LAN % 22))
    show = both.b.rpc("ims_release.show", "callid", scene.call_id)
    assert (show["owner"], show["caller"]["cseq"]) == (NAME["a"], scene.call.cseq)
    assert both.takeover() == 1
    both.b.rpc("ims_release.release", "all", "*", CAUSE, TEXT)
    scene.take_byes()
    wait_until(lambda: not both.b.statistics()["sessions"], 5, "it is over")
    check_pair(both.case.wire(), both.topology, scene.call_id, CAUSE, TEXT)


def test_ended_through_the_standby(pair):
    """The address has moved, both live: a BYE that one of them sees ends the session
    of the other."""
    both = pair(CALLING)
    scene = Scene(both.net).connect()
    both.await_copies(1)
    both.move()
    scene.within("callee", "BYE")
    wait_until(lambda: not both.b.statistics()["sessions"], 5, "it is over here")
    wait_until(lambda: not both.a.statistics()["sessions"], 5, "and there")
    assert not pairs_of(both.case.wire().requests("BYE", src=LAN % 1), scene.call_id)


SITE = """
route[SITE_POLICY] {
    if(is_method("INFO")) {
        ims_release("480", "By Script");
    }
}
"""


def test_released_by_script_of_the_standby(pair):
    """Whose script releases a session owns it; the other gives it up."""
    both = pair(CALLING, scscf={"defines": {"WITH_SITE_POLICY": True}, "extra": SITE})
    scene = Scene(both.net).connect()
    both.await_copies(1)
    both.move()
    scene.call.request("INFO")
    byes = [ua.receive("BYE") for ua in (scene.callee, scene.caller)]
    both.await_owner(both.a, [scene.call_id], "b")
    assert both.a.rpc("ims_release.release", "all", "*")["matched"] == 0
    for ua, bye in zip((scene.callee, scene.caller), byes):
        ua.respond(bye, 200)
    for node in both.a, both.b:
        wait_until(lambda: not node.statistics()["sessions"], 5, "it is over")
    check_pair(both.case.wire(), both.topology, scene.call_id, 480, "By Script")


def test_cut_off_under_load(pair):
    """What it missed it asks for; what has ended meanwhile is gone."""
    both = pair(CALLING)
    crowd = Crowd(both.net)
    ids = crowd.call(60)
    both.await_copies(60)
    both.split()
    new = crowd.call(100)
    crowd.hang_up(ids)
    time.sleep(4)       # longer than a node may be silent
    new += crowd.call(40)
    assert both.b.statistics()["sessions"] == 60
    both.rejoin()
    both.await_copies(140)
    listed = both.a.rpc("ims_release.list", "all", "*", 0, 200)["sessions"]
    assert {entry["callid"] for entry in listed} == set(new)
    both.await_owner(both.b, new[::20], "a")
    assert not any(shown(both.b, call_id) for call_id in ids)
    # none is the standby's to release, however it is asked for
    for selector in (("all", "*"), ("impu", both.topology.caller_impu),
                     ("served", "orig"), ("contact", "sip:ua@%s:5060" % (LAN % 21))):
        assert both.b.rpc("ims_release.release", *selector)["matched"] == 0


def test_what_no_node_says(pair):
    """Nothing that comes to a node's port crashes it or touches a session of its own."""
    both = pair(CALLING)
    scene = Scene(both.net).connect()
    both.await_copies(1)
    both.split()
    both.b.expect_log("no copy of a session of|parse|bad|error|Invalid|invalid|BAD"
                      "|message too large")
    both.move()
    both.takeover()
    own = both.b.rpc("ims_release.show", "callid", scene.call_id)
    gone = b"".join(field(name, value.encode()) for name, value in (
        ("callid", scene.call_id), ("from-tag", own["caller"]["tag"]),
        ("tag", own["callee"]["tag"]), ("taken", "0")))
    record = b"".join(field(name, value.encode()) for name, value in (
        ("callid", scene.call_id), ("from", "<sip:x@x>"),
        ("from-tag", own["caller"]["tag"]), ("to", "<sip:y@y>"), ("invite", "2"),
        ("tag", own["callee"]["tag"]), ("answered-to", "<sip:y@y>"),
        ("caller", "sip:x@x"), ("callee", "sip:y@y"), ("caller-cseq", "99"),
        ("pass", "1 1 0 1 1 udp:x udp:y"), ("route", "<sip:r@r;lr>"),
        ("state", "confirmed")))
    rng, there = random.Random(5), ("10.6.0.32", 5062)
    with both.stranger() as sock:
        number = 0
        for sender in (NAME["a"], NAME["c"], "sip:10.6.0.32:5062", "sip:x"):
            for body in hostile(record, gone, rng):
                sock.sendto(kdmq(body, sender, NAME["b"], number), there)
                number += 1
                if number % 50 == 0:
                    assert both.b.statistics()["sessions"] >= 1
        wait_until(lambda: sock.recv(65536) and number > 1500, 5, "it answers")
    # what the lost node is said to have told are copies
    after = both.b.rpc("ims_release.show", "id", own["id"])
    assert {**after, "age": 0} == {**own, "age": 0}
    job = both.b.rpc("ims_release.release", "all", "*", CAUSE, TEXT)
    assert job["matched"] == 1
    scene.take_byes()
    wait_until(lambda: both.b.rpc("ims_release.job", job["job"])["released"] == 1, 5,
               "it is released")
    check_pair(both.case.wire(), both.topology, scene.call_id, CAUSE, TEXT)
