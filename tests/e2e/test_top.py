# SPDX-License-Identifier: GPL-2.0-or-later
"""ims_release_top at a console: what is on its screen, and what its keys do."""

import json
import os
import pathlib
import re
import signal
import time

import pytest

from rig.case import ROOT
from rig.crowd import Crowd
from rig.network import BOTH, CALLING, HOME
from rig.process import wait_until
from rig.terminal import Terminal

TOP = os.path.join(ROOT, "tools", "ims_release_top")
DOCUMENT = pathlib.Path(ROOT, "docs", "operations.md")
CAROL = "sip:carol@" + HOME


def socket_of(net):
    return net.scscf.run_dir + "/kamailio_rpc.sock"


def at_console(net, *arguments, **kwargs):
    return Terminal(net.case, [TOP, "-s", socket_of(net), "-i", "0.2", *arguments],
                    **kwargs)


def once(net, *arguments):
    """(exit code, output) of the tool without a terminal."""
    done = net.case.ns.run(TOP, "-s", socket_of(net), "-i", "0.3", *arguments)
    return done.returncode, done.stdout


def answer(top, question, *keys):
    """Types an answer when the question is there."""
    top.wait(question)
    top.type(*keys, "Enter")


def limited(rate, **params):
    params["job_rate"] = rate
    return {"extra": "".join('modparam("ims_release", "%s", %d)\n' % item
                             for item in params.items())}


def number(text, pattern):
    found = re.search(pattern, text)
    return int(found[1]) if found else -1


def byes(crowd):
    return crowd.net.scscf.statistics()["byes_sent"]


# -- what is to be seen ----------------------------------------------------------------


def test_sessions_and_a_job(network):
    """Live: sessions by state, progress, rate, codes of each leg, the outcome."""
    net = network(CALLING, scscf=limited(20))
    crowd = Crowd(net)
    top = at_console(net)
    top.wait("sessions of all *: none of 0")
    crowd.call(2, early=True)
    ids = crowd.call(40)
    top.wait("early 2  answered 0  confirmed 40  releasing 0  released 0")
    screen = top.wait("sessions 42  releasing 0  jobs 0, limit 20/s")
    assert re.search(r"> \w+ +orig +0:00:0\d +sip:alice@\S+ +<sip:bob@\S+ +crowd-\d", screen)
    assert "of all *: 1 to 11 of 42" in screen
    crowd.answers["callee"] = 486
    net.scscf.rpc("ims_release.release", "state", "confirmed", 404, "Over")
    screen = top.wait(lambda text: number(text, r" (\d+)/40 ") >= 10)
    done = number(screen, r" (\d+)/40 ")
    bar = re.search(r"1 +running +state confirmed +\[(#*)(-*)\]", screen)
    assert len(bar[1]) == done * len(bar[1] + bar[2]) // 40 and 0 < len(bar[1])
    assert 10 < float(re.search(r"/40 +([\d.]+)/s +0:00:0", screen)[1]) < 30
    assert "cause 404 Over" in screen
    assert re.search(r"caller 200x\d+  callee 486x\d+  failed \d+", screen)
    crowd.wait_told(ids)
    screen = top.wait("caller 200x40  callee 486x40  failed 40")
    assert re.search(r"1 +done +state confirmed +\[#+\] +40/40 +[\d.]+/s +-", screen)
    screen = top.wait("failed 40")
    assert "BYEs 80: 2xx 40  gone 0  refused 40" in screen
    top.wait("sessions of all *: 1 to 2 of 2")
    top.type("q")
    assert top.exit_code() == 0


def test_pages_and_a_session(network):
    """Pages, another selector, a session in full, its release from there."""
    net = network(BOTH)
    crowd = Crowd(net)
    crowd.call(25)
    carols = crowd.call(3, from_=CAROL, icid="icid-9")
    top = at_console(net)

    def listed(text):
        return set(re.findall(r"crowd-\d+", text))

    first = top.wait("1 to 11 of 28")
    top.type("PageDown")
    second = top.wait("12 to 22 of 28")
    top.type("PageDown")
    third = top.wait("23 to 28 of 28")
    assert [len(listed(page)) for page in (first, second, third)] == [11, 11, 6]
    assert len(listed(first + second + third)) == 28
    top.type("PageDown", "PageUp", *["Up"] * 5)
    screen = top.wait("1 to 11 of 28")
    assert screen.splitlines()[10 + 6].startswith("> ")
    top.type("l")
    answer(top, "list SELECTOR VALUE:", "impu " + CAROL)
    top.wait(lambda text: "of impu %s: 1 to 3 of 3" % CAROL in text
             and listed(text) == set(carols))
    top.type("Down", "s")
    chosen = listed(top.wait("Session ")).pop()
    record = net.scscf.rpc("ims_release.show", "callid", chosen)
    screen = top.wait("caller")
    for name, value in (("id", record["id"]), ("icid", "icid-9"), ("state", "confirmed"),
                        ("served", "both"), ("tag", record["callee"]["tag"]),
                        ("contact", record["caller"]["contact"])):
        assert re.search(r"%s +%s$" % (name, re.escape(value)), screen, re.M), name
    top.type("r")
    answer(top, "release SELECTOR VALUE [CAUSE [TEXT]]: id " + record["id"])
    top.wait("1 session found by id " + record["id"])
    answer(top, "Release? (yes/no)", "yes")
    top.wait("job 1 releases 1 session")
    crowd.wait_told([chosen])
    top.wait("of impu %s: 1 to 2 of 2" % CAROL)
    assert len(crowd.told["callee"]) == 1


def test_text_that_steers_no_terminal(network):
    """What users put into their messages is shown, and nothing else."""
    crowd = Crowd(network(CALLING))
    hostile = "sip:eve@%s;p=\x1b[2J\x1b]0;x\x07\x9b2J\u65e5\u672c" % HOME
    crowd.call(3, from_=hostile)
    top = at_console(crowd.net, columns=200)
    screen = top.wait("1 to 3 of 3")
    assert r"sip:eve@%s;p=\x1b[2J" % HOME in screen
    top.type("s")
    top.wait(r"p=\x1b[2J\x1b]0;x\x07\x9b2J")
    screen = top.wait("socket ")
    assert "\u65e5" in screen and "\u672c" in screen
    assert b"\x07" not in top.written and top.written.count(b"\x1b[2J") <= 2
    code, text = once(crowd.net, "--once")
    assert code == 0 and "\x1b" not in text


def test_size_changes(network):
    """From 80x24 to others and back; too small says so."""
    net = network()
    Crowd(net).call(30)
    net.scscf.rpc("ims_release.release", "icid", "none")
    top = at_console(net)
    for columns, lines, sessions in ((80, 24, 11), (200, 50, 30), (72, 16, 3),
                                     (300, 20, 7), (80, 24, 11)):
        top.resize(columns, lines)
        screen = top.wait("1 to %d of 30" % sessions)
        assert "h help  q quit" in screen.splitlines()[-1]
    top.resize(71, 24)
    top.wait("the terminal is 71x24, 72x16 is needed")
    top.resize(20, 3)
    top.wait("the terminal is")
    top.type("rall *", "Enter", "yes", "Enter")     # to nothing that can be read
    top.resize(1, 1)
    time.sleep(0.3)
    top.resize(80, 24)
    assert "h help  q quit" in top.wait("1 to 11 of 30")
    top.type("h")
    top.wait("Where a selector is asked for")
    top.type("h", "q")
    assert top.exit_code() == 0
    attributes = b";".join(re.findall(rb"\x1b\[([\d;]*)m", top.written)).split(b";")
    assert set(attributes) <= {b"", b"0", b"1", b"7"}, "no colour"
    assert b"\x1b[?1049l" in top.written, "the screen from before is back"


# -- what keys do ----------------------------------------------------------------------


def test_release_after_a_yes(network):
    """The dry run says how many; a no, an Esc, an odd answer release nobody."""
    crowd = Crowd(network(CALLING))
    alices = crowd.call(4)
    carols = crowd.call(3, from_=CAROL)
    top = at_console(crowd.net)
    for said in ("no", "y", "yes!", ""):
        top.type("r")
        answer(top, "release SELECTOR VALUE", "impu " + CAROL)
        top.wait("3 sessions found by impu " + CAROL)
        answer(top, "Release? (yes/no)", said)
        top.wait("nothing was released")
    top.type("r")
    answer(top, "release SELECTOR VALUE", "all *")
    top.wait("7 sessions found by all *")
    top.type("Escape")
    top.wait("nothing was done")
    top.type("r")
    answer(top, "release SELECTOR VALUE", "impu sip:nobody@" + HOME)
    top.wait("no session matches impu sip:nobody@" + HOME)
    assert byes(crowd) == 0 and not crowd.net.scscf.rpc("ims_release.jobs")
    top.type("r")
    answer(top, "release SELECTOR VALUE", "impu %s 480 It's over, \u00e9h" % CAROL)
    top.wait("3 sessions found by impu %s, with 480 It's over, \u00e9h" % CAROL)
    answer(top, "Release? (yes/no)", "no", *["Backspace"] * 2, "YES")
    top.wait("job 1 releases 3 sessions")
    crowd.wait_told(carols)
    top.wait("caller 200x3  callee 200x3  cause 480 It's over, \u00e9h")
    assert not crowd.told["callee"].keys() & set(alices)
    wire = crowd.net.case.wire()
    assert {bye.get("Reason") for bye in wire.requests("BYE")} \
        == {'SIP;cause=480;text="It\'s over, \u00e9h"'}


def test_keys_typed_ahead_confirm_nothing(network):
    """What was typed before the question was there is no answer to it."""
    crowd = Crowd(network(CALLING))
    crowd.call(1)
    top = at_console(crowd.net)
    top.wait("confirmed 1")
    top.type("rall *\ryes\r")
    top.wait("Release? (yes/no) _")
    time.sleep(0.3)
    assert "Release? (yes/no) _" in top.text
    assert byes(crowd) == 0


def test_cancel_and_rate(network):
    """A job goes on until it is really to stop; the rate is set on the way."""
    net = network(CALLING, scscf=limited(10))
    crowd = Crowd(net)
    crowd.call(80)
    job = net.scscf.rpc("ims_release.release", "all", "*")["job"]
    top = at_console(net)
    top.wait("running")
    top.type("c")
    answer(top, "cancel JOB: 1")
    top.wait("job 1 releases 80 sessions found by all *")
    answer(top, "Cancel it? (yes/no)", "no")
    top.wait("job 1 goes on")
    assert net.scscf.rpc("ims_release.job", job)["state"] == "running"
    top.type("t")
    answer(top, "sessions a second", "5")
    top.wait("jobs start 5 sessions a second at most")
    top.wait("limit 5/s")
    assert net.scscf.rpc("ims_release.rate")["job_rate"] == 5
    top.type("c")
    answer(top, "cancel JOB: 1")
    answer(top, "Cancel it? (yes/no)", "yes")
    top.wait("job 1 is cancelled")
    top.wait(lambda text: re.search(r"1 +cancelled", text))
    report = net.scscf.rpc("ims_release.job", job)
    assert report["state"] == "cancelled" and 0 < report["released"] < 60
    top.type("c")
    answer(top, "cancel JOB: 1")
    top.wait("job 1 is cancelled")
    for nonsense, fault in (("7", "no such job (404)"), ("x", "(400)")):
        top.type("c")
        answer(top, "cancel JOB: 1", "\x15", nonsense)
        top.wait(fault)


BAD = [
    ("r", "colour red", "selector"), ("r", "all everything", "all"),
    ("r", "state gone", "state"), ("r", "all", "a selector and its value are needed"),
    ("l", "callid", "a selector and its value are needed"), ("l", "side orig", "selector"),
    ("l", "all * 480", "a selector and its value are needed, no more"),
    ("t", "fast", "rate"), ("t", "-1", "rate")]


def test_what_is_refused(network):
    """The module's own words say what is wrong; nothing is sent."""
    crowd = Crowd(network(CALLING))
    crowd.call(1)
    top = at_console(crowd.net)
    top.wait("confirmed 1")
    for key, typed, says in BAD:
        top.type(key)
        answer(top, "_", typed)
        top.wait(lambda text: says in text.splitlines()[-2] and "h help" in text)
    top.type("r")
    answer(top, "release SELECTOR VALUE", "all * 99")
    answer(top, "Release? (yes/no)", "yes")
    top.wait("cause is '99', allowed is 200 or 300 to 699 (400)")
    assert byes(crowd) == 0


# -- when things go wrong --------------------------------------------------------------


def test_kamailio_goes_and_comes_back(network):
    net = network(CALLING)
    crowd = Crowd(net)
    crowd.call(2)
    net.scscf.rpc("ims_release.release", "icid", "none")
    top = at_console(net)
    top.wait("sessions 2 ")
    net.scscf.stop()
    screen = top.wait("No Kamailio: ")
    assert re.match(r"No Kamailio: (No such file or directory|Connection refused), "
                    r"retrying, below is \d\d:\d\d:\d\d", screen)
    assert "sessions 2 " in screen
    top.type("r")
    answer(top, "release SELECTOR VALUE", "all *")
    top.wait(lambda text: re.search(r"No such file|refused", text.splitlines()[-2]))
    net.scscf.start()
    screen = top.wait("sessions 0 ")
    assert screen.startswith("ims_release_top ")
    top.wait("  none")      # the job of the one before is forgotten
    top.type("q")
    assert top.exit_code() == 0


def test_kamailio_that_hangs(network):
    """Stopped in mid-run: said after two seconds, and it comes back."""
    net = network(CALLING)
    Crowd(net).call(1)
    top = at_console(net)
    top.wait("sessions 1 ")
    pids = [process["PID"] for process in net.scscf.rpc("core.psx")
            if "JSONRPCS DATAGRAM" in process["DSC"]]
    assert pids
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        top.wait("No Kamailio: no answer within 2 s, retrying", 12)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    net.scscf.expect_log("failed to send the response")     # to who waits no more
    top.wait(lambda text: text.startswith("ims_release_top "))


def test_more_jobs_than_a_reply_holds(network):
    """They are asked for page after page."""
    net = network(CALLING, scscf=limited(0, job_history=5000))
    for _ in range(800):
        net.scscf.rpc("ims_release.release", "impu", "sip:" + "x" * 240)
    code, text = once(net, "--json")
    assert code == 0
    assert [job["id"] for job in json.loads(text)["jobs"]] == list(range(800, 0, -1))
    at_console(net).wait(" 800  done ")


@pytest.mark.parametrize("columns, lines, term, says", [
    (80, 24, "dumb", "the terminal dumb cannot place its cursor; --once"),
    (80, 24, "", "TERM=: "), (80, 24, "no-such", "TERM=no-such: "),
    (60, 24, "xterm", "the terminal is 60x24, 72x16 is needed; --once"),
    (80, 10, "vt100", "the terminal is 80x10, 72x16 is needed; --once")])
def test_terminals_that_will_not_do(columns, lines, term, says):
    top = Terminal(None, [TOP], columns, lines, env={"TERM": term})
    assert top.exit_code() == 2
    assert top.text.replace("\n", "").startswith("ims_release_top: " + says)


@pytest.mark.parametrize("term", ["vt100", "linux", "screen", "xterm-256color"])
@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 128 + signal.SIGTERM),
                                          (signal.SIGINT, 130)])
def test_terminals_that_do(term, number, code):
    """With nobody to ask, and ended by a signal: the terminal is left in order."""
    top = Terminal(None, [TOP, "-s", "/nowhere"], env={"TERM": term, "LC_ALL": "C"})
    top.wait("No Kamailio: No such file or directory, retrying")
    top.kill(number)
    assert top.exit_code() == code
    assert "Traceback" not in top.text


def test_terminal_that_is_gone():
    top = Terminal(None, [TOP, "-s", "/nowhere", "-i", "0.1"])
    top.wait("No Kamailio: ")
    top.close()
    assert top.exit_code() in (0, -signal.SIGHUP)


# -- without a terminal ----------------------------------------------------------------


def shape(text):
    """What stays the same from run to run."""
    text = re.sub(r"ims_release_top .*", "ims_release_top", text)
    text = re.sub(r"#+-*\]", "#]", text)
    text = re.sub(r"(early|confirmed) +orig", "STATE orig", text)
    text = re.sub(r"  in progress \d+", "", text)
    return re.sub(r"[\d.]+", "9", re.sub(r"[ ~]+", " ", text))


def documented():
    text = DOCUMENT.read_text(encoding="utf-8")
    return re.search(r"\n\$ ims_release_top --once\n(.*?)```", text, re.S)[1]


def test_once_is_as_documented(network):
    """A running job and one that is over; the same from --json."""
    net = network(CALLING, scscf=limited(20))
    crowd = Crowd(net)
    crowd.answers["callee"] = 481
    carols = crowd.call(3, from_=CAROL)
    net.scscf.rpc("ims_release.release", "impu", CAROL, 480, "Barred")
    crowd.wait_told(carols)
    crowd.answers["callee"] = 200
    crowd.call(200)
    crowd.call(2, early=True)
    wait_until(lambda: "done" in net.scscf.rpc("ims_release.jobs")[0], 3)
    net.scscf.rpc("ims_release.release", "state", "confirmed", 503, "Maintenance")
    wait_until(lambda: len(crowd.told["callee"]) > 30, 5)
    code, text = once(net, "--once")
    assert code == 0
    if "WRITE_GOLDEN" in os.environ:
        old = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(old.replace(documented(), text), encoding="utf-8")
    assert shape(text) == shape(documented())
    assert max(map(len, text.splitlines())) <= 80
    code, text = once(net, "--json")
    seen = json.loads(text)
    assert code == 0
    assert [(job["id"], job["state"]) for job in seen["jobs"]] \
        == [(2, "running"), (1, "done")]
    assert {(got["leg"], got["code"], got["count"]) for got in seen["jobs"][1]["codes"]} \
        == {("caller", 200, 3), ("callee", 481, 3)}
    assert 5 < seen["rates"]["released"] < 40 and seen["job_rate"] == 20
    assert seen["states"]["early"] == 2 and seen["faults"] == {}
    assert len(seen["page"]["sessions"]) == 10 and seen["page"]["matched"] > 10
    net.scscf.rpc("ims_release.cancel", 2)
    wait_until(lambda: not net.scscf.rpc("ims_release.job", 2)["in_progress"], 5)
    net.scscf.stop()
    code, text = once(net, "--once")
    assert code == 1
    assert re.fullmatch(r"ims_release_top: \S+: (No such file or directory|"
                        r"Connection refused)\n", text)
