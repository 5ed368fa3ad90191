# SPDX-License-Identifier: GPL-2.0-or-later
"""What the users answer to the two BYEs, in every combination.

What was seen is docs/answers.md: the test fails when the file says otherwise, and
writes it anew with WRITE_DOCS=1 in the environment.
"""

import asyncio
import os
import re

import pytest

from rig.case import ROOT
from rig.network import BOTH_AS, CALLED, CALLING
from rig.process import wait_until
from rig.raw import Scene, nothing_left
from rig.swarm import Call, gather, run

DOCUMENT = os.path.join(ROOT, "docs", "answers.md")

# name -> codes that the user answers, one for each BYE that is sent to it
ANSWERS = {
    "200": [200], "401": [401], "407": [407], "403": [403], "404": [404],
    "408": [408], "481": [481], "491": [491], "500, then 200": [500, 200],
    "500 twice": [500, 500], "503 with Retry-After": [503, 503], "603": [603],
    "none": [],
}
LEGS = ["callee", "caller"]
FR_TIMER_MS = 1000
SETTINGS = {"extra": 'modparam("tm", "fr_timer", %d)\n'
                     'modparam("ims_release", "job_history", 1000)\n' % FR_TIMER_MS}


def seen_codes(answer, leg):
    """What arrives of them: no 408 comes for silence but from tm, and a 503 is relayed
    as 500 (RFC 3261 16.7) on the way through service control: that of the callee's.
    """
    codes = ANSWERS[answer] or [408]
    if 503 in codes:
        return [500, 500] if leg == "callee" else [503]
    return codes


def counted_as(code):
    if code < 300:
        return "byes_2xx"
    return "byes_gone" if code in (408, 481) else "byes_refused"


def answer_by(phone, codes):
    """Has a phone answer its BYEs with those codes in turn."""
    left = iter(codes)

    def policy(bye):
        code = next(left, None)
        if code == 503:
            return code, [("Retry-After", "30")]
        return code and (code, [])
    phone.policy["BYE"] = policy


def report_of(scscf, job):
    info = scscf.rpc("ims_release.job", job)
    return info if info["state"] == "done" else None


async def one(net, stations, callee, caller):
    """A call, released and answered so: what the module and the phones saw."""
    call = await Call(net, stations).connect()
    answer_by(call.callee, ANSWERS[callee])
    answer_by(call.caller, ANSWERS[caller])
    job = net.scscf.rpc("ims_release.release", "callid", call.call_id, 503, "Gone")
    while not report_of(net.scscf, job["job"]):
        await asyncio.sleep(0.05)
    report = report_of(net.scscf, job["job"])
    call.hang()
    return {
        "call_id": call.call_id,
        "codes": {entry["leg"]: entry["code"] for entry in report["codes"]},
        "outcome": "released" if report["released"] else "failed",
        "counts": (report["released"], report["failed"], report["in_progress"]),
        "cseqs": {leg: [bye.cseq for bye in phone.requests("BYE")]
                  for leg, phone in zip(LEGS, (call.callee, call.caller))},
    }


async def all_of(net, stations):
    pairs = [(callee, caller) for callee in ANSWERS for caller in ANSWERS]
    seen = await gather([one(net, stations, *pair) for pair in pairs], 60)
    return dict(zip(pairs, seen))


def one_user(seen, name, leg):
    """((BYEs to that leg, code reported), what became of it): always the same."""
    rows = set()
    for pair, result in seen.items():
        if dict(zip(LEGS, pair))[leg] == name:
            other = dict(zip(LEGS, pair[::-1]))[leg]
            end = "ended" if result["outcome"] == "released" else "refused"
            if other == "200":
                rows.add(((len(result["cseqs"][leg]), result["codes"][leg]), end))
    (row,) = rows
    return row


def document(seen):
    """The page, from what was seen."""
    lines = [
        "# Answers to the BYEs", "",
        "A release sends a BYE to each user. What they answer decides what is",
        "reported; the session's information is released in every case. Generated",
        "from what `tests/e2e/test_answers.py` saw on the wire.", "",
        "## One user", "",
        "| answer | through service control: BYEs, code | direct: BYEs, code |"
        " the leg is |", "|---|---|---|---|",
    ]
    for name in ANSWERS:
        (loop, end), (direct, other) = (one_user(seen, name, leg) for leg in LEGS)
        assert end == other
        lines.append("| %s | %d, %d | %d, %d | %s |" % (name, *loop, *direct, end))
    lines += [
        "", "A second BYE, after 500, has a CSeq well above the first: the first may",
        "have been too low (RFC 3261 12.2.2). 408 stands for no answer at all, too. A",
        "503 is relayed as 500 (RFC 3261 16.7), also to ourselves.", "",
        "These are the users' answers. When an application server lost the BYE, or",
        "failed on it, the user gets another one straight, the last: no answer to that",
        "one is a leg that failed (`tests/e2e/test_server_down.py`).",
        "", "## Both users", "",
        "Rows: the callee's answer; columns: the caller's. `r`: counted as released,",
        "`f`: as failed, because a user that may still have the dialog refused.", "",
        "| callee \\ caller | " + " | ".join(ANSWERS) + " |",
        "|---" * (len(ANSWERS) + 1) + "|",
    ]
    for callee in ANSWERS:
        cells = [seen[callee, caller]["outcome"][0] for caller in ANSWERS]
        lines.append("| %s | " % callee + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def check_document(text):
    if os.environ.get("WRITE_DOCS") == "1":
        os.makedirs(os.path.dirname(DOCUMENT), exist_ok=True)
        with open(DOCUMENT, "w") as file:
            file.write(text)
    with open(DOCUMENT) as file:
        assert file.read() == text, "docs/answers.md is old: WRITE_DOCS=1 writes it"


def test_every_combination(network):
    net = network(CALLING, scscf=SETTINGS)
    seen = run(net, lambda stations: all_of(net, stations))
    counters = {"byes_2xx": 0, "byes_gone": 0, "byes_refused": 0}
    ended = dict(re.findall(r"release of Call-ID (\S+) ended, .*?, (caller .*)",
                            "".join(net.scscf.log_lines("release of Call-ID"))))
    for pair, result in seen.items():
        codes = {leg: seen_codes(answer, leg)[-1] for leg, answer in zip(LEGS, pair)}
        good = all(counted_as(code) != "byes_refused" for code in codes.values())
        assert result["codes"] == codes, pair
        assert result["counts"] == (good, not good, 0), pair
        assert ended[result["call_id"]] == "caller %d, callee %d" % (
            codes["caller"], codes["callee"])
        for leg, answer in zip(LEGS, pair):
            first, *again = result["cseqs"][leg]
            assert [cseq > first + 10 for cseq in again] \
                == [True] * (len(seen_codes(answer, leg)) - 1), pair
            for code in seen_codes(answer, leg):
                counters[counted_as(code)] += 1
    statistics = net.scscf.statistics()
    assert {name: statistics[name] for name in counters} == counters
    assert statistics["byes_sent"] == sum(counters.values())
    assert statistics["released"] + statistics["failed"] == len(ANSWERS) ** 2
    nothing_left(net.scscf)
    check_document(document(seen))


# -- overtaking and loss --------------------------------------------------------------


@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_answered_twice(network, topology):
    """Each answer comes three times, another code among them: the first counts."""
    scene = Scene(network(topology)).connect().release()
    for ua in (scene.callee, scene.caller):
        bye = ua.receive("BYE")
        for code in (200, 200, 481):
            ua.respond(bye, code)
    scene.over()
    statistics = scene.scscf.statistics()
    assert (statistics["byes_2xx"], statistics["byes_gone"]) == (2, 0)


@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_answer_lost(network, topology):
    """The first BYE is not answered, its repetition is: same bytes, one BYE."""
    scene = Scene(network(topology)).connect().release()
    for ua in (scene.callee, scene.caller):
        first = ua.receive("BYE")
        again = ua.receive("BYE")
        assert again.data == first.data
        ua.respond(again, 200)
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 2


@pytest.mark.parametrize("topology", [CALLING, CALLED], ids=str)
def test_answer_after_time_out(network, topology):
    """It is too late, and changes nothing of what was reported."""
    scene = Scene(network(topology, scscf=SETTINGS)).connect().release()
    byes = [(ua, ua.receive("BYE")) for ua in (scene.callee, scene.caller)]
    report = scene.report()
    assert {(entry["leg"], entry["code"]) for entry in report["codes"]} \
        == {("caller", 408), ("callee", 408)}
    for ua, bye in byes:
        ua.respond(bye, 200)
    wait_until(lambda: scene.scscf.statistics()["byes_gone"] == 2)
    assert scene.report() == {**report, "elapsed_ms": scene.report()["elapsed_ms"]}
    scene.nothing_left()


@pytest.mark.parametrize("first", ["callee", "caller"])
@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_one_answer_waits(network, topology, first):
    """The record stays until the slower of the two has answered."""
    scene = Scene(network(topology)).connect().release()
    quick, slow = scene.callee, scene.caller
    if first == "caller":
        quick, slow = slow, quick
    scene.take_bye(quick)
    assert scene.state() == "releasing"
    assert scene.scscf.rpc("ims_release.job", scene.job)["in_progress"] == 1
    scene.take_bye(slow)
    scene.over()


def test_second_try_overtakes(network):
    """500 once from each user, their second BYEs answered in the other order."""
    scene = Scene(network(CALLING)).connect().release()
    first = {ua: ua.receive("BYE") for ua in (scene.callee, scene.caller)}
    for ua, bye in first.items():
        ua.respond(bye, 500)
    for ua in (scene.caller, scene.callee):
        again = scene.take_bye(ua)
        assert again.cseq > first[ua].cseq + 10
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 4


# A BYE to that leg takes its time to be built.
SLOW = """
loadmodule "cfgutils.so"
event_route[ims_release:bye] {
    if($imsrel(leg) == "%s") {
        usleep("300000");
    }
}
"""


def slow_and_quick(scene, slow):
    sides = scene.callee, scene.caller
    return sides if slow == "callee" else sides[::-1]


@pytest.mark.parametrize("slow", LEGS)
@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_answer_before_the_other_bye_is_built(network, topology, slow):
    """One user answers as soon as it can: the other is told all the same."""
    scene = Scene(network(topology, scscf={"extra": SLOW % slow})).connect().release()
    last, first = slow_and_quick(scene, slow)
    scene.take_bye(first)
    wait_until(lambda: scene.scscf.statistics()["byes_2xx"] == 1)
    assert scene.state() == "releasing"
    scene.take_bye(last)
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 2


@pytest.mark.parametrize("slow", LEGS)
@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_answer_before_the_other_bye_is_built_again(network, topology, slow):
    """500 from one user, 200 from the other while the second try is not there yet."""
    scene = Scene(network(topology, scscf={"extra": SLOW % slow})).connect().release()
    last, first = slow_and_quick(scene, slow)
    refused = scene.take_bye(last, 500)
    scene.take_bye(first)
    wait_until(lambda: scene.scscf.statistics()["byes_2xx"] == 1)
    assert scene.state() == "releasing"
    assert scene.take_bye(last).cseq > refused.cseq + 10
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 3


# Each BYE says which run of the event route it was made for.
COUNTED = """
event_route[ims_release:bye] {
    $shv(runs) = $shv(runs) + 1;
    $imsrel(headers) = "X-Run: " + $imsrel(leg) + " " + $shv(runs);
}
"""


@pytest.mark.parametrize("again", LEGS)
@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_event_route_of_the_second_try(network, topology, again):
    """It runs for each BYE: a second one has its own lines, and none of the first."""
    scene = Scene(network(topology, scscf={"extra": COUNTED})).connect().release()
    legs = dict(zip(LEGS, (scene.callee, scene.caller)))
    byes = {leg: [scene.take_bye(ua, 500 if leg == again else 200)]
            for leg, ua in legs.items()}
    byes[again].append(scene.take_bye(legs[again]))
    scene.over()
    said = {leg: [bye.lines("X-Run") for bye in came] for leg, came in byes.items()}
    runs = {line: leg for leg, came in said.items() for line, in came}
    assert [line.split()[0] for line in runs] == list(runs.values())
    assert sorted(int(line.split()[1]) for line in runs) == [1, 2, 3]
    assert said[again][1] == ["%s 3" % again]
