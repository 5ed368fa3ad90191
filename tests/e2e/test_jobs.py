# SPDX-License-Identifier: GPL-2.0-or-later
"""Operators release many sessions: select, pace, watch, cancel, account."""

import contextlib
import itertools
import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest

from rig.case import ROOT
from rig.crowd import Crowd
from rig.kamailio import RpcFault
from rig.network import ABROAD, BOTH, CALLING, CALLING_AS, HOME
from rig.process import wait_until
from rig.raw import CAUSE, TEXT, Scene
from rig.variant import HOG, OTHERS_COMPLAIN, adapted, hog

ALICE, CAROL = "sip:alice@" + HOME, "sip:carol@" + HOME
STRANGER, BOB = "sip:dan@" + ABROAD, "sip:bob@" + HOME


def param(name, value):
    return 'modparam("ims_release", "%s", %d)\n' % (name, value)


def crowd_of(network, topology=CALLING, **params):
    extra = "".join(param(*item) for item in params.items())
    return Crowd(network(topology, scscf={"extra": extra}))


def rpc(crowd, command, *params):
    return crowd.net.scscf.rpc("ims_release." + command, *params)


def release(crowd, *selection):
    """Starts a job: (its id, how many matched)."""
    reply = rpc(crowd, "release", *selection, CAUSE, TEXT)
    return reply["job"], reply["matched"]


def job(crowd, number):
    return rpc(crowd, "job", number)


def finished(crowd, number, timeout=8):
    """The job's report when it is over and nothing of it is in progress."""
    def over():
        report = job(crowd, number)
        return report if (report["state"] != "running"
                          and not report["in_progress"]) else None
    return wait_until(over, timeout, "job %s is over" % number, interval=0.02)


def listed(crowd, *selection):
    """All that a selection lists, page after page."""
    found, matched = [], None
    while matched is None or len(found) < matched:
        page = rpc(crowd, "list", *selection, len(found), 100)
        assert page["offset"] == len(found)
        matched = page["matched"]
        assert page["sessions"] or not matched
        found += page["sessions"]
    return found


def check_told_once(crowd, ids):
    """Each user of each call got one BYE."""
    for who in ("caller", "callee"):
        assert sorted(key[0] for key in crowd.byes[who]) == sorted(ids)


# -- selectors -------------------------------------------------------------------------

GROUPS = {
    # name: how many, from, to, charging id, user part of the caller's Contact
    "orig": (9, ALICE, BOTH.uri("callee", "bob"), "icid-1", "a1"),
    "both": (7, CAROL, BOB, "icid-1", "c1"),
    "term": (5, STRANGER, BOB, "icid-3", "d1"),
    "self": (2, BOB, BOB, "icid-5", "b1"),
    "more": (3, ALICE, BOTH.uri("callee", "bob"), "icid-2", "a2"),
    "early": (2, ALICE, BOTH.uri("callee", "bob"), "icid-4", "a3"),
}
ANSWERED = ["orig", "both", "term", "self", "more"]
SELECTIONS = [
    # selector, value, the groups that it means
    ("impu", ALICE, ["orig", "more", "early"]),
    ("impu", CAROL, ["both"]),
    ("impu", BOB, ["both", "term", "self"]),
    ("impu", "sip:alice", []),
    ("contact", "sip:a1@127.0.0.21:5060", ["orig"]),
    ("contact", "sip:ua@127.0.0.22:5060", ANSWERED),
    ("contact", "<sip:a1@127.0.0.21:5060>", []),
    ("icid", "icid-1", ["orig", "both"]),
    ("icid", "icid", []),
    ("state", "confirmed", ANSWERED),
    ("state", "early", ["early"]),
    ("state", "answered", []),
    ("state", "releasing", []),
    ("state", "released", []),
    ("served", "orig", ["orig", "more", "early"]),
    ("served", "term", ["term"]),
    ("served", "both", ["both", "self"]),
    ("all", "*", GROUPS),
]


def groups_of(network, **params):
    """(the crowd, Call-IDs by the name of their group)"""
    crowd = crowd_of(network, BOTH, **params)
    ids = {name: crowd.call(count, from_, to, icid, user, early=name == "early")
           for name, (count, from_, to, icid, user) in GROUPS.items()}
    return crowd, ids


def test_list(network):
    """Each selector, and what the entries of the list say."""
    crowd, ids = groups_of(network)
    for selector, value, groups in SELECTIONS:
        found = listed(crowd, selector, value)
        expected = sorted(call_id for name in groups for call_id in ids[name])
        assert sorted(entry["callid"] for entry in found) == expected, (selector, value)
    for entry in listed(crowd, "all", "*"):
        assert listed(crowd, "id", entry["id"]) == listed(
            crowd, "callid", entry["callid"])
        assert rpc(crowd, "show", "id", entry["id"])["callid"] == entry["callid"]
    one = listed(crowd, "callid", ids["both"][0])[0]
    assert {**one, "id": 0, "age": 0} == {
        "id": 0, "callid": ids["both"][0], "state": "confirmed", "served": "both",
        "impu": CAROL, "from": "<%s>" % CAROL, "to": "<%s>" % BOB, "age": 0}


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
@pytest.mark.parametrize("who", ["caller", "callee"])
def test_contact_that_moves(network, who, method):
    """Found by the target that a request has set, no more by the one before."""
    scene = Scene(network()).connect()
    old, other = ("sip:ua@" + ua.hostport for ua in scene.sides(who)[1:])
    new, refused = (old.replace(":ua@", ":%s@" % user) for user in ("moved", "refused"))

    def found(*contacts):
        return [scene.scscf.rpc("ims_release.list", "contact", contact)["matched"]
                for contact in contacts]

    assert found(old, other, new) == [1, 1, 0]
    scene.within(who, method, contact="<%s>" % new)
    assert found(old, other, new) == [0, 1, 1]
    scene.within(who, "UPDATE", code=488, contact="<%s>" % refused)
    assert found(old, other, new, refused) == [0, 1, 1, 0]
    scene.job = scene.scscf.rpc("ims_release.release", "contact", new, CAUSE, TEXT)["job"]
    byes = scene.take_byes()
    assert new in [bye.uri for bye in byes]
    scene.over()
    assert found(old, other, new) == [0, 0, 0]


@pytest.mark.parametrize("selector, value", [
    ("impu", ALICE), ("contact", "sip:a1@127.0.0.21:5060"), ("icid", "icid-1"),
    ("state", "confirmed"), ("served", "term"), ("all", "*")])
def test_release_is_what_was_listed(network, selector, value):
    """The dry run says who will be told; nobody else is."""
    crowd, ids = groups_of(network)
    before = {entry["callid"] for entry in listed(crowd, "all", "*")}
    selected = {entry["callid"] for entry in listed(crowd, selector, value)}
    number, matched = release(crowd, selector, value)
    assert matched == len(selected)
    answered = selected - set(ids["early"])
    crowd.wait_told(answered)
    report = finished(crowd, number)
    check_told_once(crowd, answered)
    assert (report["state"], report["released"], report["failed"], report["ended"]) \
        == ("done", matched, 0, 0)
    left = {entry["callid"] for entry in listed(crowd, "all", "*")}
    assert left == before - selected


NUMBERS = [
    # Call-ID, charging id; the words for kamcmd: what it makes another number of
    # has to be called a string
    ("123456", "77", ["callid", "123456"]),
    ("7", "42", ["icid", "42"]),
    ("123456789012", "0", ["callid", "s:123456789012"]),
    ("0", "0042", ["icid", "s:0042"]),
    ("12.50", "1e5", ["callid", "s:12.50"]),
]


def test_numbers_only(network):
    """A Call-ID, a charging id, a text of digits, from kamcmd as they stand."""
    crowd = crowd_of(network)
    scscf = crowd.net.scscf
    for call_id, icid, words in NUMBERS:
        crowd.call(1, ids=[call_id], icid=icid)
        code, text = scscf.kamcmd("ims_release.list", *words)
        assert code == 0 and "matched: 1" in text, (words, text)
        code, text = scscf.kamcmd("ims_release.release", *words, "480", "404")
        assert code == 0 and "matched: 1" in text, (words, text)
        crowd.wait_told([call_id])
    wire = crowd.net.case.wire()
    assert {bye.get("Reason") for bye in wire.requests("BYE")} \
        == {'SIP;cause=480;text="404"'}


def test_pages(network):
    """OFFSET and LIMIT; 50 unless told; together they are all, each once."""
    crowd = crowd_of(network)
    ids = crowd.call(120)
    for page, count in (([], 50), ([0], 50), ([100], 20), ([120], 0), ([9999], 0),
                        ([0, 1], 1), ([119, 10], 1), ([0, 1000], 120), ([60, 60], 60),
                        (["7", "7"], 7)):
        reply = rpc(crowd, "list", "all", "*", *page)
        assert (reply["matched"], len(reply["sessions"])) == (120, count), page
    found = [entry["callid"] for entry in listed(crowd, "impu", ALICE)]
    assert sorted(found) == sorted(ids)


HTTP = {"listen": ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"], "extra": """
loadmodule "xhttp.so"
tcp_accept_no_cl=yes
"""}


def shown_in_operations(what):
    """The configuration in docs/operations.md that has such a line."""
    with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
        blocks = re.findall(r"```kamailio\n(.*?)```", file.read(), re.S)
    block, = (block for block in blocks if what in block)
    return block


def http(net, request, body=b""):
    """The body of an answer from the S-CSCF's HTTP server."""
    with net.case.ns.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(net.address("scscf"))
        sock.sendall(b"%s HTTP/1.1\r\nHost: scscf\r\nContent-Length: %d\r\n\r\n%s" % (
            request.encode(), len(body), body))
        reply = b""
        while True:
            head, end, got = reply.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            if end and length and len(got) >= int(length.group(1)):
                break
            more = sock.recv(1 << 20)
            assert more, reply
            reply += more
    assert head.startswith(b"HTTP/1.1 200"), head
    return got.decode()


def pages(ask):
    """All sessions, asked for a thousand at a time: the list of the pages' Call-IDs."""
    found, matched = [], 1
    while sum(map(len, found)) < matched:
        matched, ids = ask(sum(map(len, found)))
        assert ids
        found.append(ids)
    return found


def over_datagrams(scscf):
    def ask(offset):
        page = scscf.rpc("ims_release.list", "all", "*", offset, 1000)
        return page["matched"], [entry["callid"] for entry in page["sessions"]]
    return ask


def over_kamcmd(scscf):
    def ask(offset):
        code, text = scscf.kamcmd("ims_release.list", "all", "*", offset, 1000)
        assert code == 0, text
        return (int(re.search("matched: (.*)", text).group(1)),
                re.findall("callid: (.*)", text))
    return ask


def test_a_thousand(network):
    """A page ends where a reply is full; together they are all, each once."""
    crowd = crowd_of(network)
    ids = crowd.call(1000, ids=["page-%04d" % number for number in range(1000)])
    for ask in (over_datagrams, over_kamcmd):
        found = pages(ask(crowd.net.scscf))
        assert sorted(sum(found, [])) == sorted(ids)
        assert len(found) == 3 and len(found[0]) > 380


@pytest.mark.parametrize("name", ["N" * 3500, '\\"' * 1700], ids=["long", "escaped"])
def test_long_names(network, name):
    """No caller takes the list from the operator."""
    net = network(CALLING)
    caller, callee = net.agent("caller"), net.agent("callee")
    ids = []
    for _ in range(50):
        ids.append(caller.invite(
            CALLING.called_impu, '"%s" <%s>' % (name, ALICE), BOB).call_id)
        callee.receive("INVITE")
    for ask in (over_datagrams, over_kamcmd):
        found = pages(ask(net.scscf))
        assert sorted(sum(found, [])) == sorted(ids)
        assert 1 < len(found) < 5


# -- pace ------------------------------------------------------------------------------


def times_of(crowd, ids, who="callee"):
    return sorted(crowd.told[who][call_id] for call_id in ids)


def test_rate(network):
    """200 sessions at 100 a second: two seconds, and never many at once."""
    crowd = crowd_of(network, job_rate=100)
    ids = crowd.call(200)
    number, matched = release(crowd, "all", "*")
    assert matched == 200
    wait_until(lambda: job(crowd, number)["released"] > 100, 5)
    report = job(crowd, number)
    assert report["state"] == "running" and 80 < report["rate"] < 120, report
    assert report["eta_ms"] < 1500
    crowd.wait_told(ids)
    report = finished(crowd, number)
    times = times_of(crowd, ids)
    assert 1.7 < times[-1] - times[0] < 2.8
    busiest = max(sum(begin <= t < begin + 0.5 for t in times) for begin in times)
    assert busiest <= 50 + 20
    codes = {(code["leg"], code["code"]): code["count"] for code in report["codes"]}
    assert codes == {("caller", 200): 200, ("callee", 200): 200}
    assert 1700 < report["elapsed_ms"] < 3000 and report["eta_ms"] == 0
    check_told_once(crowd, ids)


def test_window(network):
    """So many sessions await their answers, no more; the next when one is over."""
    crowd = crowd_of(network, job_window=10)
    crowd.answers = {"caller": None, "callee": 200}
    ids = crowd.call(40)
    number, _ = release(crowd, "all", "*")

    def in_progress(count, done):
        wait_until(lambda: len(crowd.told["caller"]) == count, 3, "%d begun" % count)
        time.sleep(0.15)
        report = job(crowd, number)
        assert len(crowd.told["caller"]) == len(crowd.told["callee"]) == count
        assert (report["in_progress"], report["released"]) == (count - done, done)

    in_progress(10, 0)
    assert job(crowd, number)["eta_ms"] == -1
    crowd.answer_pending(1)
    in_progress(11, 1)
    report = job(crowd, number)
    assert report["eta_ms"] == pytest.approx(39 * report["elapsed_ms"], abs=39)
    crowd.answer_pending(4)
    in_progress(15, 5)
    crowd.answers["caller"] = 200
    crowd.answer_pending()
    crowd.wait_told(ids)
    assert finished(crowd, number)["released"] == 40
    check_told_once(crowd, ids)


def test_rate_takes_effect_at_once(network):
    """Up, down and up again, whatever was done before."""
    crowd = crowd_of(network, job_rate=5)
    assert rpc(crowd, "rate") == {"job_rate": 5}
    ids = crowd.call(150)
    first, _ = release(crowd, "all", "*")
    wait_until(lambda: job(crowd, first)["released"] >= 2, 3)
    assert rpc(crowd, "rate", 0) == {"job_rate": 0}
    began = time.monotonic()
    assert finished(crowd, first)["released"] == 150
    assert time.monotonic() - began < 1.5
    more = crowd.call(40)
    rpc(crowd, "rate", 20)
    began = time.monotonic()
    second, _ = release(crowd, "all", "*")
    wait_until(lambda: crowd.told["callee"].keys() & set(more), 1, "the first BYE")
    wait_until(lambda: job(crowd, second)["released"] >= 12, 3)
    assert 0.35 < time.monotonic() - began < 1.2
    rpc(crowd, "rate", "1000")
    began = time.monotonic()
    finished(crowd, second)
    assert time.monotonic() - began < 0.8
    check_told_once(crowd, ids + more)


def test_cancel(network):
    """What was begun is finished, the rest is left alone."""
    crowd = crowd_of(network, job_rate=40)
    ids = crowd.call(80)
    number, _ = release(crowd, "all", "*")
    wait_until(lambda: job(crowd, number)["released"] >= 15, 3)
    rpc(crowd, "cancel", number)
    report = finished(crowd, number)
    assert report["state"] == "cancelled"
    told = set(crowd.told["callee"])
    assert 15 <= len(told) <= 30
    assert (report["matched"], report["released"]) == (80, len(told))
    time.sleep(0.3)
    assert set(crowd.told["callee"]) == set(crowd.told["caller"]) == told
    left = {entry["callid"] for entry in listed(crowd, "state", "confirmed")}
    assert left == set(ids) - told
    # once more: it stays cancelled, and another job finds what is left
    rpc(crowd, "cancel", number)
    assert job(crowd, number)["state"] == "cancelled"
    rpc(crowd, "rate", 0)
    _, matched = release(crowd, "all", "*")
    assert matched == len(left)
    crowd.wait_told(ids)
    check_told_once(crowd, ids)


def test_cancel_while_answers_are_due(network):
    """Cancelled at once; what is in progress is counted when it is over."""
    crowd = crowd_of(network, job_window=5)
    crowd.answers["callee"] = None
    crowd.call(20)
    number, _ = release(crowd, "all", "*")
    wait_until(lambda: job(crowd, number)["in_progress"] == 5, 3)
    rpc(crowd, "cancel", number)
    report = job(crowd, number)
    assert (report["state"], report["in_progress"]) == ("cancelled", 5)
    wait_until(lambda: len(crowd.told["callee"]) == 5, 3)
    crowd.answers["callee"] = 200
    crowd.answer_pending()
    report = finished(crowd, number)
    assert (report["state"], report["released"]) == ("cancelled", 5)


def test_sessions_that_end_meanwhile(network):
    """Counted as ended; nobody is told twice."""
    crowd = crowd_of(network, job_rate=30)
    ids = crowd.call(60)
    number, _ = release(crowd, "all", "*")
    left = [call_id for call_id in ids if call_id not in crowd.told["callee"]][::3]
    crowd.hang_up(left)
    report = finished(crowd, number)
    ended = [call_id for call_id in left if call_id not in crowd.told["callee"]]
    assert len(ended) > 8
    assert (report["ended"], report["released"]) == (len(ended), 60 - len(ended))
    check_told_once(crowd, set(ids) - set(ended))


def test_two_jobs_on_the_same(network):
    """Each session is released once, by one of them."""
    crowd = crowd_of(network, job_rate=80)
    ids = crowd.call(80)
    numbers = [release(crowd, *selection)[0] for selection in (
        ("all", "*"), ("impu", ALICE), ("state", "confirmed"))]
    reports = [finished(crowd, number) for number in numbers]
    assert reports[0]["matched"] == 80
    assert sum(report["released"] for report in reports) == 80
    for report in reports:
        assert report["released"] + report["ended"] == report["matched"] > 60
    check_told_once(crowd, ids)


def test_jobs_share_the_pace(network):
    """A job that came later does not wait for an earlier, larger one."""
    crowd = crowd_of(network, job_rate=60)
    crowd.call(90, ALICE)
    crowd.call(30, CAROL)
    large, _ = release(crowd, "impu", ALICE)
    wait_until(lambda: job(crowd, large)["released"] >= 10, 3)
    before = job(crowd, large)["released"]
    small, _ = release(crowd, "impu", CAROL)
    report = finished(crowd, small)
    assert report["released"] == 30
    assert 22 <= job(crowd, large)["released"] - before <= 38
    assert finished(crowd, large)["released"] == 90


# -- outcomes --------------------------------------------------------------------------


def test_codes(network):
    """Of each leg; a refused one makes the session's release a failure."""
    crowd = crowd_of(network)
    crowd.call(6)
    crowd.answers = {"caller": 481, "callee": 403}
    number, _ = release(crowd, "all", "*")
    report = finished(crowd, number)
    codes = {(code["leg"], code["code"]): code["count"] for code in report["codes"]}
    assert codes == {("caller", 481): 6, ("callee", 403): 6}
    assert (report["released"], report["failed"]) == (0, 6)
    statistics = crowd.net.scscf.statistics()
    assert (statistics["failed"], statistics["byes_gone"], statistics["byes_refused"],
            statistics["sessions"], statistics["jobs"]) == (6, 6, 6, 0, 0)


def test_many_codes(network):
    """48 are counted one by one, the others of each leg together."""
    crowd = crowd_of(network, job_window=1)
    crowd.call(60)
    crowd.answers["callee"] = 603
    # no 401 or 407, which tm would answer with credentials; no 5xx, no second try
    codes = [code for code in range(410, 480)][:60]
    answer, left = crowd._bye, list(codes)

    def bye(who, message):
        if who == "caller":
            crowd.answers["caller"] = left.pop(0)
        answer(who, message)

    crowd._bye = bye
    report = finished(crowd, release(crowd, "all", "*")[0], 20)
    found = {(code["leg"], code["code"]): code["count"] for code in report["codes"]}
    assert len(found) == len(report["codes"]) == 49
    assert found == {("callee", 603): 60, ("caller", "other"): 13,
                     **{("caller", code): 1 for code in codes[:47]}}
    text = crowd.net.scscf.kamcmd("ims_release.job", report["id"])[1]
    assert re.search(r"leg: caller\s+code: other\s+count: 13\s", text)


def test_application_server_is_dead(network):
    """Its user is told at once; who is behind it when the server's time is up."""
    net = network(CALLING_AS, scscf={"extra": 'modparam("tm", "fr_timer", 1500)\n'})
    crowd = Crowd(net)
    ids = crowd.call(3)
    net.servers["as_orig"].kill()
    number, _ = release(crowd, "all", "*")
    wait_until(lambda: crowd.told["caller"].keys() == set(ids), 1, "the callers")
    report = finished(crowd, number)
    codes = {(code["leg"], code["code"]): code["count"] for code in report["codes"]}
    assert codes == {("caller", 200): 3, ("callee", 200): 3}
    assert crowd.told["callee"].keys() == set(ids)
    assert net.scscf.statistics()["byes_gone"] == 3


def test_memory_runs_out(network):
    """The job goes on with what it can, says so, and accounts for each session."""
    net = network(CALLING, scscf={
        "memory": 16, "extra": HOG + param("job_rate", 40) + param("linger", 0)})
    net.scscf.expect_log(OTHERS_COMPLAIN)
    net.scscf.expect_log("ims_release .*(memory|no BYE)")
    crowd = Crowd(net)
    ids = crowd.call(60)
    number, matched = release(crowd, "all", "*")
    assert matched == 60
    wait_until(lambda: job(crowd, number)["released"] >= 5, 3)
    hog(net, leaving=0)
    report = finished(crowd, number)
    # none of them ended by itself
    assert (report["released"] + report["failed"], report["ended"]) == (60, 0), report
    said = net.scscf.log_lines("ERROR: ims_release .*(memory|no BYE)")
    assert bool(said) == (report["released"] < 60)
    net.scscf.rpc("htable.flush", "hog")
    left = {entry["callid"] for entry in listed(crowd, "state", "confirmed")}
    rpc(crowd, "rate", 0)
    number, matched = release(crowd, "all", "*")
    assert matched == len(left)
    crowd.wait_told(left)
    assert finished(crowd, number)["released"] == len(left)
    for who in ("caller", "callee"):
        told = [key[0] for key in crowd.byes[who]]
        assert len(told) == len(set(told)) and set(told) <= set(ids)


INFO = ("INFO sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.50:9;branch=z9hG4bKflood%d\r\n"
        "From: <sip:x@%s>;tag=1\r\nTo: <sip:%s>\r\nCall-ID: flood-%d\r\nCSeq: 1 INFO\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n")


@contextlib.contextmanager
def flood(net, rate):
    """A stranger sends so many INFOs a second."""
    over = threading.Event()

    def send(sock):
        for number in itertools.count():
            if over.wait(1 / rate):
                break
            sock.sendto((INFO % (HOME, number, HOME, HOME, number)).encode(),
                        ("127.0.0.1", 5060))

    with net.case.ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.50", 0))
        thread = threading.Thread(target=send, args=[sock])
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def unread(net):
    """Bytes that wait in the S-CSCF's socket, as the kernel counts them."""
    listed = net.case.ns.run("ss", "-uanH", "sport", "=", "5060", "src", "127.0.0.1")
    return int(listed.stdout.split()[1])


def test_workers_that_do_not_keep_up(case, host):
    """Releases begin all the same, slowly, and reach everybody."""
    net = adapted(case, host, CALLING, {r"\nrequest_route \{": """
loadmodule "cfgutils.so"
request_route {
    if($si == "127.0.0.50") { usleep("20000"); exit; }
"""}).start()
    crowd = Crowd(net)
    ids = crowd.call(20)
    with flood(net, 600):
        wait_until(lambda: unread(net) > 65536, 10, "messages wait")
        one, _ = release(crowd, "callid", ids[0])
        everything, _ = release(crowd, "all", "*")
        wait_until(lambda: not rpc(crowd, "list", "state", "confirmed")["matched"], 3,
                   "all are being released")
        assert unread(net) > 32768
    for number in one, everything:
        assert finished(crowd, number, 30)["failed"] == 0
    crowd.wait_told(ids, 10)
    check_told_once(crowd, ids)


def test_no_memory_for_a_job(network):
    """Refused, and nothing else: no job, no BYE, and all goes on."""
    net = network(CALLING, scscf={"memory": 16, "extra": HOG})
    net.scscf.expect_log(OTHERS_COMPLAIN)
    net.scscf.expect_log(r"irl_job_start\(\): could not allocate shared memory")
    crowd = Crowd(net)
    ids = crowd.call(60)
    hog(net, leaving=0)
    before = net.scscf.statistics()
    for selection in (("all", "*"), ("callid", ids[0])):
        with pytest.raises(RpcFault) as fault:
            release(crowd, *selection)
        assert (fault.value.code, fault.value.text) == (500, "out of shared memory")
    assert rpc(crowd, "list", "all", "*", 0, 1)["matched"] == 60
    net.scscf.rpc("htable.flush", "hog")
    assert net.scscf.statistics() == before and before["sessions"] == 60
    assert not rpc(crowd, "jobs") and not net.case.wire().requests("BYE")
    number, matched = release(crowd, "all", "*")
    assert (number, matched) == (1, 60)
    assert finished(crowd, number)["released"] == 60
    check_told_once(crowd, ids)


def test_empty_selection(network):
    """A job that is done, with nothing."""
    crowd = crowd_of(network)
    number, matched = release(crowd, "impu", "sip:nobody@" + HOME)
    assert matched == 0
    report = job(crowd, number)
    assert (report["state"], report["matched"], report["released"]) == ("done", 0, 0)
    assert (report["selector"], report["value"], report["cause"], report["text"]) \
        == ("impu", "sip:nobody@" + HOME, CAUSE, TEXT)
    rpc(crowd, "cancel", number)
    assert job(crowd, number)["state"] == "done"


def test_long_value(network):
    """What a job shows of it ends with a whole character."""
    crowd = crowd_of(network)
    for value in ("é" * 200, "a" + "é" * 200, "爱" * 100, "x" * 255, "x" * 300):
        number, _ = release(crowd, "impu", value)
        shown = job(crowd, number)["value"]
        assert value.startswith(shown) and 253 <= len(shown.encode()) <= 255
        with pytest.raises(RpcFault) as fault:
            rpc(crowd, "release", "all", "*", value)
        assert re.match("cause is '%s.*', allowed" % value[:11], fault.value.text)


def test_history(network):
    """The finished jobs that are kept; the running ones are there besides."""
    crowd = crowd_of(network, job_history=3, job_rate=1)
    crowd.call(3)
    running, _ = release(crowd, "all", "*")
    numbers = [release(crowd, "icid", "none-%d" % n)[0] for n in range(6)]
    lines = rpc(crowd, "jobs")
    assert [int(line.split()[0]) for line in lines] == numbers[:-4:-1] + [running]
    assert "running all * matched 3" in lines[-1]
    assert "done icid none-5 matched 0" in lines[0]
    assert crowd.net.scscf.fault("ims_release.job", numbers[0]) == 404
    assert job(crowd, running)["state"] == "running"
    rpc(crowd, "rate", 0)
    finished(crowd, running)


def test_no_history(network):
    crowd = crowd_of(network, job_history=0)
    number, _ = release(crowd, "all", "*")
    assert crowd.net.scscf.fault("ims_release.job", number) == 404
    assert not rpc(crowd, "jobs")


def test_history_of_cancelled_jobs(network):
    """They are over, too, when what they began is."""
    crowd = crowd_of(network, job_history=2, job_rate=1, job_window=1)
    crowd.answers["callee"] = None
    crowd.call(3)
    began, _ = release(crowd, "all", "*")
    wait_until(lambda: job(crowd, began)["in_progress"] == 1, 3)
    rpc(crowd, "cancel", began)
    numbers = []
    for _ in range(6):
        number, matched = release(crowd, "state", "confirmed")
        assert matched == 2
        rpc(crowd, "cancel", number)
        numbers.append(number)
    wait_until(lambda: not job(crowd, numbers[-1])["in_progress"], 3)
    lines = rpc(crowd, "jobs")
    assert [int(line.split()[0]) for line in lines] == numbers[:-3:-1] + [began]
    # now it is over as well, and the one that ended first is forgotten; of those
    # that end in the same millisecond it is the one that began first
    time.sleep(0.01)
    crowd.answers["callee"] = 200
    crowd.answer_pending()
    wait_until(lambda: len(rpc(crowd, "jobs")) == 2, 3)
    assert [int(line.split()[0]) for line in rpc(crowd, "jobs")] == [numbers[-1], began]


JOB_PAGES = [
    # the words of a request, the jobs from the newest on that it shows
    ([], 0, 30), ([0], 0, 30), ([29], 29, 30), ([30], 30, 30), ([9999], 30, 30),
    ([0, 1], 0, 1), ([28, 1000], 28, 30), (["7", "7"], 7, 14), ([0, 30], 0, 30),
    ([0, 29], 0, 29), ([2147483647, 1000], 30, 30),
]


def test_pages_of_jobs(network):
    """OFFSET and LIMIT; that there are more is the last line."""
    crowd = crowd_of(network)
    made = [release(crowd, "icid", "none-%d" % n)[0] for n in range(30)][::-1]
    for words, first, end in JOB_PAGES:
        lines = rpc(crowd, "jobs", *words)
        if end < 30:
            assert lines.pop() == "more %d offset %d" % (30 - end, end)
        assert [int(line.split()[0]) for line in lines] == made[first:end], words


def all_jobs(ask):
    """The numbers of all, page after page, and how many pages that took."""
    found, offset, count = [], 0, 0
    while offset is not None:
        lines = ask(offset)
        more = re.fullmatch(r"more (\d+) offset (\d+)", lines[-1])
        found += [int(line.split()[0]) for line in lines[:-1] + lines[-1:] * (not more)]
        offset, count = int(more.group(2)) if more else None, count + 1
        assert not more or (len(found), len(found) + int(more.group(1))) == (offset, 3000)
    return found, count


@pytest.mark.parametrize("value, count", [
    (CAROL, 9), ("'" + 254 * '"', 31), (255 * "\\", 31)],
    ids=["short", "quotes", "backslashes"])
def test_each_job_is_listed(network, value, count):
    """3000, by pages that any socket can carry; ctl complains of nothing."""
    crowd = crowd_of(network, job_history=10000)
    scscf = crowd.net.scscf
    made = [release(crowd, "impu", value)[0] for _ in range(3000)]
    for ask in (lambda offset: rpc(crowd, "jobs", offset),
                lambda offset: rpc(crowd, "jobs", offset, 1000),
                lambda offset: scscf.kamcmd("ims_release.jobs", offset)[1].splitlines()):
        assert all_jobs(ask) == (made[::-1], count)


# -- bad input -------------------------------------------------------------------------

REFUSED = [
    # command, its words, fault, what it says
    ("release", [], 400, "SELECTOR VALUE"),
    ("release", ["callid"], 400, "SELECTOR VALUE"),
    ("release", ["colour", "red"], 400,
     "selector is 'colour', allowed is callid, id, impu, contact, icid, state, served or all"),
    ("release", ["", "x"], 400, "selector is '', allowed is callid"),
    ("release", ["ALL", "*"], 400, "selector is 'ALL'"),
    ("release", ["all", "x"], 400, "value of all is 'x', allowed is *"),
    ("release", ["all", "**"], 400, "value of all is '**'"),
    ("release", ["impu", ""], 400, "value is '', allowed is text without control"),
    ("release", ["callid", ""], 400, "value is ''"),
    ("release", ["impu", "sip:x\n99 done all * matched 7"], 400,
     "value is 'sip:x\\x0a99 done all * matched 7', allowed is text without control"),
    ("list", ["callid", "tab\there"], 400, "value is 'tab\\x09here', allowed is text"),
    ("show", ["contact", "sip:\x7f"], 400, "value is 'sip:\\x7f'"),
    ("release", ["id", "x"], 400, "id is 'x', allowed is SLOT:NUMBER"),
    ("release", ["id", "1:2:3"], 400, "id is '1:2:3'"),
    ("release", ["id", "-1:2"], 400, "id is '-1:2'"),
    ("release", ["id", "99999999999:1"], 400, "id is '99999999999:1'"),
    ("release", ["id", "7:7"], 404, "no such session"),
    ("release", ["callid", "nobody's"], 404, "no such session"),
    ("release", ["state", "dead"], 400,
     "state is 'dead', allowed is early, answered, confirmed, releasing or released"),
    ("release", ["served", "auto"], 400,
     "served is 'auto', allowed is orig, term or both"),
    ("release", ["all", "*", 100], 400, "cause is '100', allowed is 200 or 300 to 699"),
    ("release", ["all", "*", 201], 400, "cause is '201'"),
    ("release", ["all", "*", 700], 400, "cause is '700'"),
    ("release", ["all", "*", "-503"], 400, "cause is '-503'"),
    ("release", ["all", "*", 4294967799], 400, "cause is '4294967799'"),
    ("release", ["all", "*", "5x3"], 400, "cause is '5x3'"),
    ("release", ["all", "*", " 503"], 400, "cause is ' 503'"),
    ("release", ["all", "*", 503, "a\r\nb"], 400, "text is 'a\\x0d\\x0ab'"),
    ("release", ["all", "*", 503, "a\nb"], 400, "text is 'a\\x0ab'"),
    ("release", ["all", "*", 503, "tab\there"], 400, "text"),
    ("release", ["all", "*", 503, "\x7f"], 400, "text"),
    ("release", ["all", "*", 503, "x" * 129], 400, "129 bytes"),
    ("release", ["all", "*", 503, "ä" * 65], 400, "130 bytes"),
    ("release", ["all", "*", 503, "x", "SIP;cause=480"], 400,
     "reason is 'SIP;cause=480': protocol must be one of RELEASE_CAUSE"),
    ("release", ["all", "*", 503, "x", "Q.850;cause=200"], 400,
     "reason is 'Q.850;cause=200': cause out of range"),
    ("release", ["all", "*", 503, "x", "Q.850"], 400, "a value without a cause"),
    ("release", ["all", "*", 503, "x", "Q.850;cause=16\r\nX: 1"], 400,
     "reason is 'Q.850;cause=16\\x0d\\x0aX: 1'"),
    ("list", [], 400, "SELECTOR VALUE"),
    ("list", ["all", "all"], 400, "value of all is 'all'"),
    ("list", ["all", "*", "-1"], 400, "offset is '-1', allowed is 0 to"),
    ("list", ["all", "*", "x"], 400, "offset is 'x'"),
    ("list", ["all", "*", 0, 1001], 400, "limit is '1001', allowed is 1 to 1000"),
    ("list", ["all", "*", 0, 0], 400, "limit is '0'"),
    ("list", ["all", "*", 0, "-5"], 400, "limit is '-5'"),
    ("show", ["all", "*"], 409, "2 sessions"),
    ("show", ["callid", "none"], 404, "no such session"),
    ("show", ["icid"], 400, "SELECTOR VALUE"),
    ("jobs", ["-1"], 400, "offset is '-1', allowed is 0 to 2147483647"),
    ("jobs", [0, 1001], 400, "limit is '1001', allowed is 1 to 1000"),
    ("jobs", [0, 0], 400, "limit is '0'"),
    ("job", [], 400, "ID"),
    ("job", ["x"], 400, "id is 'x'"),
    ("job", [0], 400, "id is '0'"),
    ("job", ["-1"], 400, "id is '-1'"),
    ("job", [999], 404, "no such job"),
    ("cancel", [], 400, "ID"),
    ("cancel", ["*"], 400, "id is '*'"),
    ("cancel", [4294967295], 404, "no such job"),
    ("rate", ["-1"], 400, "rate is '-1', allowed is 0 to 1000000"),
    ("rate", [1000001], 400, "rate is '1000001'"),
    ("rate", ["fast"], 400, "rate is 'fast'"),
]


def test_refused(network):
    """Each is refused by a fault that says what and why, and nothing is sent."""
    crowd = crowd_of(network)
    ids = crowd.call(2)
    scscf = crowd.net.scscf
    for command, words, code, says in REFUSED:
        with pytest.raises(RpcFault) as fault:
            answer = rpc(crowd, command, *words)
            pytest.fail("%s %s was not refused: %s" % (command, words, answer))
        assert fault.value.code == code, (command, words, fault.value)
        assert says in fault.value.text, (command, words)
    statistics = scscf.statistics()
    assert (statistics["byes_sent"], statistics["sessions"]) == (0, 2)
    assert rpc(crowd, "rate") == {"job_rate": 0}
    assert not rpc(crowd, "jobs")
    crowd.hang_up(ids)


FAULT_BYTES = 127       # which jsonrpcs lets through


def test_long_ones_are_shortened(network):
    """With what is allowed in full, and no part of a character."""
    crowd = crowd_of(network)
    for long in "x" * 300, "\x01" * 300, "é" * 150, "\x01é爱" * 50, "\x01\x01爱" * 50:
        for words, name, allowed in (
                ([long, "*"], "selector",
                 "callid, id, impu, contact, icid, state, served or all"),
                (["state", long], None, None), (["id", long], None, None),
                (["state", long.replace("\x01", "-")], "state",
                 "early, answered, confirmed, releasing or released"),
                (["served", long.replace("\x01", "-")], "served", "orig, term or both"),
                (["all", "*", long], "cause", "200 or 300 to 699"),
                (["all", "*", 480, long], "text",
                 "UTF-8 without control characters, at most 128 bytes")):
            with pytest.raises(RpcFault) as fault:
                rpc(crowd, "release", *words)
            text = fault.value.text
            text.encode("utf-8", "strict")
            assert fault.value.code == 400 and len(text.encode()) <= FAULT_BYTES, text
            if name:
                shown = re.fullmatch(r"%s is '(.*)'( \(\d+ bytes\))?, allowed is %s" % (
                    name, re.escape(allowed)), text)
                assert shown and 30 < len(shown.group(1).encode()) < 40, text


def test_refused_on_the_other_socket(network):
    """kamcmd shows the same faults."""
    crowd = crowd_of(network)
    crowd.call(2)
    for command, words, code, says in REFUSED:
        # what kamcmd would take for itself, or cannot say
        if not all(re.fullmatch(r"[ .-~][ -~]*", str(word)) for word in words) \
                or re.search(r"'-|\d{10}", str(words)):
            continue
        status, text = crowd.net.scscf.kamcmd("ims_release." + command, *words)
        assert "error: %d - " % code in text and says in text, (command, words, text)
    assert crowd.net.scscf.statistics()["byes_sent"] == 0


ALLOWED = {
    "selector": "callid, id, impu", "value": "", "cause": "200 or 300 to 699",
    "text": "at most 128 bytes", "offset": "0 to 2147483647", "limit": "1 to 1000",
    "id": "1 to 4294967295", "rate": "0 to 1000000"}
ARGUMENTS = [
    # command, arguments that are well, the names of all that it takes
    ("release", ["all", "*", 480, "text"], ["selector", "value", "cause", "text"]),
    ("list", ["all", "*", 0, 1], ["selector", "value", "offset", "limit"]),
    ("show", ["all", "*"], ["selector", "value"]),
    ("jobs", [0, 1], ["offset", "limit"]),
    ("job", [1], ["id"]),
    ("cancel", [1], ["id"]),
    ("rate", [7], ["rate"]),
]


def wrong_arguments(*wrong):
    """(command, words, name): each argument of each command in turn is a wrong one."""
    for command, words, names in ARGUMENTS:
        for place, name in enumerate(names):
            for value in wrong:
                yield command, words[:place] + [value], name
                yield command, words[:place] + [value] + words[place + 1:], name


def untouched(crowd, ids):
    """Nothing of what was asked for has been done."""
    statistics = crowd.net.scscf.statistics()
    assert (statistics["byes_sent"], statistics["sessions"]) == (0, len(ids))
    assert rpc(crowd, "rate") == {"job_rate": 0}
    assert not rpc(crowd, "jobs")
    crowd.hang_up(ids)


def test_argument_of_a_wrong_type(network):
    """What is neither text nor a number is not taken for an absent argument."""
    crowd = crowd_of(network)
    ids = crowd.call(2)
    for command, words, name in wrong_arguments(
            None, True, False, [], ["503"], {}, {"cause": 503}):
        with pytest.raises(RpcFault) as fault:
            answer = rpc(crowd, command, *words)
            pytest.fail("%s %s was not refused: %s" % (command, words, answer))
        assert fault.value.code == 400, (command, words, fault.value)
        assert fault.value.text.startswith(
            name + " is neither text nor a whole number, allowed is "), fault.value.text
        assert ALLOWED[name] in fault.value.text
    untouched(crowd, ids)


def test_argument_with_a_fraction(network):
    """kamcmd sends it as a number that is no text."""
    crowd = crowd_of(network)
    ids = crowd.call(2)
    # the last three are worth a whole number as kamcmd sends them
    for command, words, name in wrong_arguments(
            "48.5", "0.5", "1e-2", "1e2", "0x10", "1e-9"):
        status, text = crowd.net.scscf.kamcmd("ims_release." + command, *words)
        assert "error: 400 - " in text, (command, words, text)
        assert name + " is neither text nor a whole number, allowed" in text
        assert ALLOWED[name] in text
    untouched(crowd, ids)


ARGUMENTS_THAT_ARE_NUMBERS = [
    ("release", ["all", "*"], "cause"), ("list", ["all", "*"], "offset"),
    ("list", ["all", "*", 0], "limit"), ("jobs", [], "offset"), ("jobs", [0], "limit"),
    ("job", [], "id"), ("cancel", [], "id"), ("rate", [], "rate")]
INEXACT = [
    # a number in JSON, what is said of it
    ("48.5", "48.5"), ("0.5", "0.5"), ("1e-9", "1e-09"), ("-0.5", "-0.5"),
    ("9007199254740993", "9.00719925474099e+15"),
    ("-99999999999999999999", "-1e+20"), ("99999999999999999999", "1e+20"),
    ("18446744073709551616", "1.84467440737096e+19"), ("1e400", "inf"),
]


def asked_in_json(crowd, command, words):
    """The fault, with numbers as they stand in the bytes of the command."""
    reply = json.loads(crowd.net.scscf._exchange(
        '{"jsonrpc": "2.0", "method": "ims_release.%s", "params": [%s], "id": 1}' % (
            command, ", ".join(words)), 10))
    return reply["error"]["code"], reply["error"]["message"]


def test_number_that_json_has_not(network):
    """A fraction, and what is beyond 2^53, is refused and not made another number."""
    crowd = crowd_of(network)
    ids = crowd.call(1, ids=["0"]) + crowd.call(1, ids=["48"])
    for number, shown in INEXACT:
        for command, words, name in wrong_arguments(None):
            words = [number if word is None else json.dumps(word) for word in words]
            code, text = asked_in_json(crowd, command, words)
            assert code == 400, (number, text)
            assert text.startswith(
                "%s is %s, neither text nor an exact whole number, allowed is "
                % (name, shown)), text
    # as text it stays what it is
    assert crowd.net.scscf.fault(
        "ims_release.release", "callid", "12345678901234567890") == 404
    untouched(crowd, ids)


def test_one_argument_too_many(network):
    """Refused whatever it is, on either socket; nothing is done."""
    crowd = crowd_of(network)
    ids = crowd.call(2)
    for command, words, count, usage in (
            ("release", ["all", "*", 480, "x", "Q.850;cause=16"], 6,
             "SELECTOR VALUE [CAUSE [TEXT [REASON]]]"),
            ("list", ["all", "*", 0, 1], 5, "SELECTOR VALUE [OFFSET [LIMIT]]"),
            ("show", ["callid", ids[0]], 3, "SELECTOR VALUE"),
            ("jobs", [0, 1], 3, "[OFFSET [LIMIT]]"), ("job", [1], 2, "ID"),
            ("cancel", [1], 2, "ID"), ("rate", [5], 2, "[N]")):
        says = "argument %d is one too many, allowed is %s" % (count, usage)
        for surplus in ("x", 7, 1.5, "", None, [1], {"a": 1}):
            for more in ([surplus], [surplus, "y"]):
                with pytest.raises(RpcFault) as fault:
                    rpc(crowd, command, *words, *more)
                assert (fault.value.code, fault.value.text) == (400, says), (
                    command, words, more)
        for surplus in ("x", "7", "1.5", "", "s:"):
            text = crowd.net.scscf.kamcmd("ims_release." + command, *words, surplus)[1]
            assert text == "error: 400 - %s\n" % says, (command, words, surplus)
    untouched(crowd, ids)


def test_empty_word(network):
    """What operations.md says of it: kamcmd sends 0, which JSON's sockets do not."""
    crowd = crowd_of(network, job_rate=50)
    scscf = crowd.net.scscf
    for word, rate in ("", 0), ("4294967296", 0), ("4294967297", 1), ("0042", 42):
        rpc(crowd, "rate", 50)
        assert scscf.kamcmd("ims_release.rate", word) == (
            0, "{\n\tjob_rate: %d\n}\n" % rate)
    rpc(crowd, "rate", 50)
    for word, says in ("s:", "''"), ("s:4294967296", "'4294967296'"), (" ", "' '"):
        assert "error: 400 - rate is %s, allowed is 0 to 1000000" % says \
            in scscf.kamcmd("ims_release.rate", word)[1]
    for number in "", " ", 4294967296, "4294967296", "99999999999999999999":
        assert scscf.fault("ims_release.rate", number) == 400
    assert rpc(crowd, "rate") == {"job_rate": 50}
    crowd.call(1, ids=["0"])
    assert "matched: 1" in scscf.kamcmd("ims_release.list", "callid", "")[1]
    assert "error: 400 - value is ''" in scscf.kamcmd(
        "ims_release.release", "callid", "s:")[1]
    assert "error: 400 - cause is '0'" in scscf.kamcmd(
        "ims_release.release", "callid", "0", "")[1]
    assert "error: 400 - id is '0'" in scscf.kamcmd("ims_release.job", "")[1]
    assert "\toffset: 0\n" in scscf.kamcmd("ims_release.list", "callid", "0", "")[1]
    assert "error: 400 - limit is '0'" in scscf.kamcmd(
        "ims_release.list", "callid", "0", "0", "")[1]
    assert "error: 400 - reason is '0'" in scscf.kamcmd(
        "ims_release.release", "callid", "0", "480", "x", "")[1]
    for words in ("callid", ""), ("", "0"), ("callid", "0", ""):
        assert scscf.fault("ims_release.release", *words) == 400, words
    assert scscf.statistics()["byes_sent"] == 0
    # a text may be empty, but not said so
    for word, text in ("", "0"), ("s:", ""):
        reply = scscf.kamcmd("ims_release.release", "icid", "none", "480", word)[1]
        number = int(re.search(r"job: (\d+)", reply).group(1))
        assert job(crowd, number)["text"] == text


def test_negative_number(network):
    """It is told as it was."""
    crowd = crowd_of(network)
    for command, words, name in ARGUMENTS_THAT_ARE_NUMBERS:
        for number in -1, -4294967295, -9007199254740991:
            with pytest.raises(RpcFault) as fault:
                rpc(crowd, command, *words, number)
            assert fault.value.code == 400
            assert fault.value.text.startswith("%s is '%d', allowed" % (name, number))


def test_zero_byte(network):
    """What operations.md says of it in JSON."""
    crowd = crowd_of(network)
    reply = rpc(crowd, "release", "all", "*", 480, "t\0x")
    assert finished(crowd, reply["job"])["text"] == "tx"


def test_several_numbers(network):
    """Each argument is the number that was given, though all come as numbers."""
    crowd = crowd_of(network)
    crowd.call(1, ids=["123456"])
    crowd.call(1, ids=["123480"])
    reply = rpc(crowd, "release", "callid", 123456, 480, 404)
    assert reply["matched"] == 1
    crowd.wait_told(["123456"])
    report = finished(crowd, reply["job"])
    assert (report["value"], report["cause"], report["text"]) == ("123456", 480, "404")
    assert [entry["callid"] for entry in listed(crowd, "all", "*")] == ["123480"]
    reply = rpc(crowd, "list", "callid", 123480, 0, 1)
    assert [entry["callid"] for entry in reply["sessions"]] == ["123480"]


# -- statistics ------------------------------------------------------------------------

NAMES = ["sessions", "releasing", "jobs", "released", "failed", "byes_sent", "byes_2xx",
         "byes_gone", "byes_refused", "cancels", "answered_481", "refused_sessions",
         "db_errors"]
PROMETHEUS = """
loadmodule "xhttp_prom.so"
modparam("xhttp_prom", "xhttp_prom_stats", "ims_release:")
event_route[xhttp:request] { prom_dispatch(); }
"""


METRIC = "kamailio_ims_release_"


def scrape(net):
    """What a Prometheus server gets: name -> value."""
    return {name: int(value) for name, value in re.findall(
        r"(?m)^%s(\w+) (\d+)" % METRIC, http(net, "GET /metrics"))}


def test_statistics(network):
    """By kamcmd and over HTTP: every name, the same values."""
    net = network(CALLING, scscf={**HTTP, "extra": HTTP["extra"] + PROMETHEUS})
    crowd = Crowd(net)
    assert scrape(net) == dict.fromkeys(NAMES, 0)
    crowd.answers["callee"] = None
    crowd.call(5)
    release(crowd, "all", "*")
    crowd.wait_told(crowd.told["callee"])
    wait_until(lambda: len(crowd.told["caller"]) == 5, 3)
    wait_until(lambda: scrape(net)["byes_2xx"] == 5, 3)
    during = scrape(net)
    assert (during["sessions"], during["releasing"], during["jobs"],
            during["byes_sent"]) == (5, 5, 1, 10)
    crowd.answers["callee"] = 200
    crowd.answer_pending()
    wait_until(lambda: scrape(net)["released"] == 5, 3)
    code, text = net.scscf.kamcmd("stats.get_statistics", "ims_release:")
    found = re.findall(r"ims_release:(\w+) = (\d+)", text)
    assert {name: int(value) for name, value in found} == scrape(net)
    assert scrape(net) == {**dict.fromkeys(NAMES, 0), "released": 5, "byes_sent": 10,
                           "byes_2xx": 10}


def test_reset(network):
    """In the middle of a job: counters begin anew, nothing else is touched."""
    crowd = crowd_of(network)
    scscf = crowd.net.scscf
    crowd.call(3)
    finished(crowd, release(crowd, "all", "*")[0])
    crowd.answers["callee"] = None
    ids = crowd.call(5)
    number, _ = release(crowd, "all", "*")
    crowd.wait_told(ids)
    under_way = {"sessions": 5, "releasing": 5, "jobs": 1}
    wait_until(lambda: scscf.statistics() == {
        **dict.fromkeys(NAMES, 0), **under_way, "released": 3, "byes_sent": 16,
        "byes_2xx": 11}, 3)
    assert scscf.kamcmd("stats.reset_statistics", "ims_release:") == (0, "")
    assert scscf.statistics() == {**dict.fromkeys(NAMES, 0), **under_way}
    assert job(crowd, number)["in_progress"] == 5
    crowd.answers["callee"] = 200
    crowd.answer_pending()
    assert finished(crowd, number)["released"] == 5
    assert scscf.statistics() == {
        **dict.fromkeys(NAMES, 0), "released": 5, "byes_2xx": 5}
    code, said = scscf.kamcmd("stats.clear_statistics", "ims_release:")
    assert code == 0 and "ims_release:released = 0 (5)" in said
    assert scscf.statistics() == dict.fromkeys(NAMES, 0)
    check_told_once(crowd, [*crowd.told["caller"]])


def test_dashboard(network):
    """What docs/operations.md says to load is scraped, and has all that
    docs/grafana-dashboard.json asks for."""
    config = shown_in_operations("xhttp_prom.so")
    net = network(CALLING, scscf={"listen": HTTP["listen"], "extra": config})
    with open(os.path.join(ROOT, "docs", "grafana-dashboard.json"),
              encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    metrics = {name for expr in asked for name in re.findall(r"\bkamailio_\w+", expr)}
    assert metrics == {METRIC + name for name in scrape(net)}


# -- clients that do not behave --------------------------------------------------------


def bytes_of_kamcmd(folder, *words):
    """What kamcmd sends over its socket for a command."""
    path = os.path.join(folder, "listener")
    sent = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()

        def take():
            connection = listener.accept()[0]
            sent.append(connection.recv(65536))
            connection.close()

        thread = threading.Thread(target=take)
        thread.start()
        subprocess.run(["kamcmd", "-s", "unix:" + path, *words], timeout=10,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        thread.join()
    os.unlink(path)
    return sent[0]


BYTES = [
    # text, how the fault shows it
    (b"nul\0here", b"text is 'nul\\x00here' (8 bytes)"),
    (b"last \xff", b"(6 bytes)"),
    (b"surrogate \xed\xb3\xbf", b"(13 bytes)"),
    (b"overlong \xc0\xaf", b"(11 bytes)"),
    (b"beyond \xf5\x80\x80\x80", b"(11 bytes)"),
    (b"cut \xe2\x82", b"(6 bytes)"),
]


def asked_in_bytes(crowd, request):
    """The bytes of the reply to the bytes of a command."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(5)
        sock.connect(crowd.net.scscf.run_dir + "/kamailio_ctl")
        sock.sendall(request)
        return sock.recv(65536)


def test_text_that_is_none(network, tmp_path):
    """kamcmd cannot say it, its protocol can."""
    crowd = crowd_of(network)
    crowd.call(1)
    for text, says in BYTES:
        words = ["ims_release.release", "all", "*", "503", "z" * len(text)]
        request = bytes_of_kamcmd(str(tmp_path), *words)
        reply = asked_in_bytes(crowd, request.replace(b"z" * len(text), text))
        assert b"text is '" in reply and says in reply, (text, reply)
    assert crowd.net.scscf.statistics()["byes_sent"] == 0


RECORDS = [
    # of the binary protocol, as long as the one of the text `zzzzz`
    b"\x04\x41one\0\x84",     # an array with a text
    b"\x03\x25c\0\x10\x07\x83",  # a structure with a number
    b"\x66cause!",             # bytes
]


def test_argument_that_kamcmd_has_not(network, tmp_path):
    """Arrays, structures and bytes are no text either."""
    crowd = crowd_of(network)
    crowd.call(1)
    for words in (["release", "all", "*", "zzzzz"],
                  ["release", "all", "*", "503", "zzzzz"],
                  ["release", "zzzzz", "*"], ["list", "all", "*", "zzzzz"],
                  ["list", "all", "*", "0", "zzzzz"], ["show", "all", "zzzzz"],
                  ["job", "zzzzz"], ["cancel", "zzzzz"]):
        request = bytes_of_kamcmd(str(tmp_path), "ims_release." + words[0], *words[1:])
        assert b"\x61zzzzz\0" in request
        for record in RECORDS:
            reply = asked_in_bytes(crowd, request.replace(b"\x61zzzzz\0", record))
            assert b"expected" in reply or b"neither text nor a whole" in reply, (
                words, record, reply)
    assert crowd.net.scscf.statistics()["byes_sent"] == 0


@pytest.fixture
def asked(tmp_path):
    return bytes_of_kamcmd(str(tmp_path), "ims_release.list", "all", "*", "0", "1000")


def calls_go_on(crowd):
    """A call is set up and ended within a moment."""
    began = time.monotonic()
    crowd.hang_up(crowd.call(3))
    assert time.monotonic() - began < 1


def test_socket_closed_in_mid_reply(network, asked):
    """Nothing blocks, nothing is lost, the next asker is answered."""
    crowd = crowd_of(network)
    ids = crowd.call(150)
    crowd.net.scscf.expect_log(OTHERS_COMPLAIN)
    path = crowd.net.scscf.run_dir + "/kamailio_ctl"
    for size in (0, 1, 4, 100):
        for _ in range(5):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.connect(path)
                sock.sendall(asked)
                if size:
                    sock.recv(size)
    calls_go_on(crowd)
    code, text = crowd.net.scscf.kamcmd("ims_release.list", "all", "*", 0, 1)
    assert code == 0 and "matched: 150" in text
    assert release(crowd, "all", "*")[1] == 150
    crowd.wait_told(ids)


def test_client_that_never_reads(network, asked):
    """However much it asks for: SIP goes on, and a release too."""
    crowd = crowd_of(network)
    ids = crowd.call(150)
    scscf = crowd.net.scscf
    scscf.expect_log(OTHERS_COMPLAIN)
    unix = socket.AF_UNIX
    with socket.socket(unix, socket.SOCK_STREAM) as stream, \
            socket.socket(unix, socket.SOCK_DGRAM) as datagrams:
        number, _ = release(crowd, "all", "*")
        stream.connect(scscf.run_dir + "/kamailio_ctl")
        datagrams.bind(scscf.run_dir + "/never-reads")
        datagrams.setblocking(False)
        stream.setblocking(False)
        request = json.dumps({"jsonrpc": "2.0", "method": "ims_release.list", "id": 1,
                              "params": ["all", "*", 0, 1000]}).encode()
        for send in (lambda: stream.sendall(asked), lambda: datagrams.sendto(
                request, scscf.run_dir + "/kamailio_rpc.sock")):
            try:
                for _ in range(300):
                    send()
            except BlockingIOError:
                pass
        calls_go_on(crowd)
        crowd.wait_told(ids)
    assert finished(crowd, number, 20)["released"] == 150
