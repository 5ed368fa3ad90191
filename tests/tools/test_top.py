# SPDX-License-Identifier: GPL-2.0-or-later
"""tools/release_top without a Kamailio: lines at odd sizes, a socket that misbehaves,
terminals that will not do. What it does with a real one is in tests/e2e/test_top.py."""

import contextlib
import functools
import json
import pathlib
import re
import socket
import subprocess
import threading

import pytest
from release_top import ask, draw, main, model, rpc

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"
TOP = TOOLS / "ims_release_top"
HOSTILE = "\x1b[2J\x07\r\n\x9b31m\u202e<sip:eve@example>"


# -- text ----------------------------------------------------------------------------


@pytest.mark.parametrize("width", [0, 1, 2, 7, 200])
@pytest.mark.parametrize("text", ["", "a", "plain text", "日本語のユーザー", "e\u0301" * 9,
                                  HOSTILE])
def test_fit_is_exact(text, width):
    line = draw.fit(text, width)
    assert draw.columns(line) == width
    assert line.isprintable()


def test_what_is_cut_shows_it():
    assert draw.fit("abcdef", 4) == "abc~"
    assert draw.fit("日本語", 4) == "日~ "
    assert draw.clean(HOSTILE).startswith(r"\x1b[2J\x07\x0d\x0a\x9b31m\x202e<sip")


@pytest.mark.parametrize("part, whole, expected", [
    (0, 0, "[##########]"), (0, 3, "[----------]"), (1, 3, "[###-------]"),
    (999, 1000, "[#########-]"), (1000, 1000, "[##########]"), (5, 3, "[##########]")])
def test_bar_is_full_when_all_is_done(part, whole, expected):
    assert draw.bar(part, whole, 12) == expected
    for width in range(3):
        assert draw.bar(part, whole, width) in ("[]", )


@pytest.mark.parametrize("seconds, text", [
    (-1, "0:00:00"), (59.9, "0:00:59"), (3661, "1:01:01"), (90061, "1d 1:01:01")])
def test_duration(seconds, text):
    assert draw.duration(seconds) == text


def test_wrap_keeps_every_character():
    text = "sip:" + "x" * 200
    for width in (8, 20, 79, 300):
        lines = draw.wrap(text, width)
        assert max(map(len, lines)) <= width
        assert "".join(line.strip() for line in lines) == text


# -- the frame -----------------------------------------------------------------------

JOB = {"id": 4294967295, "state": "running", "selector": "impu", "value": HOSTILE * 5,
       "cause": 503, "text": "Weg" * 40, "matched": 200000, "released": 99999,
       "failed": 7, "ended": 3, "in_progress": 512, "rate": 1234.5, "elapsed_ms": 81000,
       "eta_ms": 90061000, "codes": [{"leg": "caller", "code": 200, "count": 99999},
                                     {"leg": "callee", "code": 481, "count": 99999}]}
SESSION = {"id": "1:1", "callid": "c" * 300, "state": "confirmed", "served": "orig",
           "impu": "sip:日本@ims.example", "from": HOSTILE, "to": HOSTILE, "age": 3 * 86400}


def seen(**changes):
    """A model that has been answered."""
    made = model.Model(rpc.Rpc("/run/kamailio/" + "p" * 80))
    made.node, made.at, made.uptime, made.job_rate = "node", 0, 123, 100
    made.statistics = {name: 10**9 for name in draw.COUNTED}
    made.states = dict.fromkeys(model.STATES, 200000)
    made.jobs = [JOB, {**JOB, "id": 1, "state": "done"}]
    made.page = {"matched": 200000, "offset": 0, "sessions": [SESSION] * 3}
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("width", [1, 10, 40, 71, 72, 80, 133, 500])
def test_frame_fits(width):
    for what in (seen(), model.Model(rpc.Rpc("/x")), seen(away="Connection refused"),
                 seen(faults={"jobs": HOSTILE, "states": HOSTILE, "page": HOSTILE},
                      page=None)):
        lines = draw.frame(what, width)
        assert max(map(draw.columns, lines)) <= width
        assert all(line.isprintable() for line in lines)


def test_frame_tells():
    text = "\n".join(draw.frame(seen(), 100))
    for told in ("up 0:02:03", "limit 100/s", "confirmed 200000", "100009/200000",
                 "1234.5/s", "caller 200x99999  callee 481x99999  failed 7  ended 3  "
                 "in progress 512  cause 503 Weg", "sessions of all *: 1 to 3 of 200000"):
        assert told in text
    text = "\n".join(draw.frame(seen(away="Connection refused"), 100))
    assert text.startswith("No Kamailio: Connection refused, retrying, below is ")


def test_a_job_of_nobody_is_done():
    lines = draw.job_lines({**JOB, "state": "done", "codes": [], **dict.fromkeys(
        model.COUNTS, 0)}, 100)
    assert "#]" in lines[0] and " 0/0 " in lines[0]
    assert "caller -  callee -  cause" in lines[1]


def test_show_has_every_line():
    lines = draw.show_lines({
        "id": "1:1", "from": HOSTILE, "age": 61, "callee": {
            "tag": "t" * 200, "cseq": 0, "routes": ["<sip:a;lr>", "<sip:b;lr>"]},
        "caller": {"routes": []}}, 72)
    text = "\n".join(lines)
    assert max(map(draw.columns, lines)) <= 72
    assert text.replace("\n", "").isprintable()
    assert "0:01:01" in text and "<sip:b;lr>" in text and "routes  none" in text


# -- what is asked -------------------------------------------------------------------


@pytest.mark.parametrize("line, words", [
    ("all *", ["all", "*"]), (" callid  a@b 480 ", ["callid", "a@b", "480"]),
    ('impu sip:a 503 "The end"', ["impu", "sip:a", "503", "The end"]),
    ("impu sip:a 503 It's over", ["impu", "sip:a", "503", "It's over"])])
def test_words(line, words):
    assert ask.words_of(line) == words


def answers(**replies):
    """An rpc that answers so, and the questions that came."""
    asked = []

    def answer(method, *params):
        asked.append((method.partition(".")[2], *params))
        reply = replies[asked[-1][0]]
        if isinstance(reply, Exception):
            raise reply
        return reply

    return answer, asked


@pytest.mark.parametrize("answer", ["", "y", "no", "yes please", "n"])
def test_nothing_is_done_but_for_a_yes(answer):
    asks, asked = answers(list={"matched": 3}, job={
        "state": "running", "selector": "all", "value": "*", "matched": 3})
    for question, typed in ((ask.release(asks), "all *"), (ask.cancel(asks), "1")):
        question.answer = typed
        question = question.done()
        assert question.confirms
        question.answer = answer
        assert question.done() in ("nothing was released", "job 1 goes on")
    assert {name for name, *_ in asked} == {"list", "job"}


def test_a_release_that_may_have_begun():
    asks, _ = answers(list={"matched": 1}, release=rpc.Away("no answer within 2 s"))
    question = ask.release(asks, "all *").done()
    question.answer = "yes"
    assert question.done() == (
        "no answer within 2 s: look whether it was done all the same")


def test_jobs_are_read():
    values = "sip:a b matched 7 released 1", "*", "ünï"
    for value in values:
        job = model.job_of(f"12 running impu {value} matched 40 released 3 failed 1 "
                           "ended 2 in_progress 5")
        assert (job["value"], job["matched"], job["in_progress"]) == (value, 40, 5)
        assert model.done(job) == 6
    with pytest.raises(rpc.RpcError, match="cannot be read"):
        model.job_of("12 running")


def test_long_answers_are_asked_for_seldom():
    """A tenth of the time at most, and at once when something else is asked."""
    now = [0.0]
    paced = model.Paced(lambda: now[0])
    asked = []

    def ask_slowly(what):
        asked.append(what)
        now[0] += 2
        return what

    for _ in range(100):
        assert paced(ask_slowly, "a") == ("a", None)
        now[0] += 1
    assert len(asked) == 5
    assert paced(ask_slowly, "b") == ("b", None)


# -- the socket ----------------------------------------------------------------------


@pytest.fixture
def kamailio(tmp_path):
    """Starts one that answers by a function of (method, id); its socket's path."""
    path, threads = str(tmp_path / "s"), []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:

        def start(answer):
            sock.bind(path)
            threads.append(threading.Thread(target=serve, args=(sock, answer)))
            threads[0].start()
            return path

        yield start
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", path)
        threads[0].join()


def serve(sock, answer):
    while True:
        data, peer = sock.recvfrom(1 << 16)
        if not data:
            return
        question = json.loads(data)
        with contextlib.suppress(OSError):      # it waits no more
            for reply in answer(question["method"], question["id"]):
                sock.sendto(reply, peer)


def result(number, value):
    return json.dumps({"jsonrpc": "2.0", "id": number, "result": value}).encode()


def test_an_answer_to_another_is_none(kamailio):
    path = kamailio(lambda method, number: [
        result(number - 1, "late"), result(number, "this")])
    assert rpc.Rpc(path)("core.version") == "this"


def test_a_reply_that_is_too_big(kamailio):
    """Kamailio cannot send it, and answers the next one."""
    path = kamailio(lambda method, number: (
        [] if method.endswith("jobs") else [result(number, "x")]))
    with pytest.raises(rpc.TooBig, match="ims_release.jobs: the reply is larger"):
        rpc.Rpc(path, 0.2)("ims_release.jobs")


def test_silence(kamailio):
    path = kamailio(lambda method, number: [])
    with pytest.raises(rpc.Away, match="no answer within 0.2 s"):
        rpc.Rpc(path, 0.2)("core.version")


@pytest.mark.parametrize("reply", [b"{", b"\xff\xfe", b"[]", b"3", b"x" * 1000])
def test_garbage(kamailio, reply):
    path = kamailio(lambda method, number: [reply])
    with pytest.raises(rpc.RpcError, match="cannot be read"):
        rpc.Rpc(path)("core.version")
    run = subprocess.run([TOP, "-s", path, "--once"], capture_output=True, text=True)
    assert run.returncode == 1
    assert "cannot be read" in run.stderr and "Traceback" not in run.stderr


# As Kamailio has it.
REPLIES = {
    "core.uptime": {"now": "x", "up_since": "y", "uptime": 3},
    "core.version": "kamailio 5.6.3",
    "stats.fetchn": {f"ims_release.{name}": 7 for name in draw.COUNTED},
    "ims_release.rate": {"job_rate": 0},
    "ims_release.list": {"matched": 9, "offset": 0, "sessions": [SESSION]},
    "ims_release.show": {**SESSION, "caller": {"tag": "a", "cseq": 1, "routes": []}},
    "ims_release.jobs": ["2 running all * matched 9 released 1 failed 1 ended 1 in_progress 1"],
    "ims_release.job": JOB,
    "ims_release.release": {"job": 2, "matched": 9},
    "ims_release.cancel": {},
}
DEEP = functools.reduce(lambda inner, _: [inner], range(20), 0)
ODD = [None, [], {}, [3], {"a": 3}, float("nan"), float("inf"), -10**400, DEEP]


def odd_replies(value):
    """The same with one part that is another, or is not there."""
    yield from (odd for odd in [*ODD, "x" if not isinstance(value, str) else 3, -1.5]
                if type(odd) is not type(value))
    parts = value.items() if isinstance(value, dict) else (
        enumerate(value) if isinstance(value, list) else ())
    for key, part in parts:
        for odd in odd_replies(part):
            changed = value.copy()
            changed[key] = odd
            yield changed
    if isinstance(value, dict):
        for key in value:
            yield {name: part for name, part in value.items() if name != key}


@pytest.mark.parametrize("odd_one", REPLIES)
def test_another_shape(kamailio, odd_one):
    """Said, or never looked at: whatever comes can be drawn, and printed as JSON."""
    replies = dict(REPLIES)
    asks = rpc.Rpc(kamailio(lambda method, number: [result(number, replies[method])]), 5)
    refused = 0
    for replies[odd_one] in odd_replies(REPLIES[odd_one]):
        what = model.Model(asks)
        what.refresh()
        lines = draw.frame(what, 200)
        json.dumps(what.as_dict(), indent=2)
        for question, answer in ((ask.release(asks, "all *"), "yes"), (ask.limit(asks), "3"),
                                 (ask.cancel(asks, 2), "yes"), (ask.select(asks, what), "all *")):
            while isinstance(question, ask.Question):
                question.answer = question.answer or answer
                question = question.done()
            lines.append(question or "")
        with contextlib.suppress(rpc.RpcError):
            lines += draw.show_lines(asks("ims_release.show", "id", "1:1"), 80)
        refused += f"no reply of ims_release to {odd_one}" in "\n".join(lines)
    assert refused or odd_one == "ims_release.show"


@pytest.mark.parametrize("method", REPLIES)
def test_replies_of_kamailio(kamailio, method):
    path = kamailio(lambda method, number: [result(number, REPLIES[method])])
    assert rpc.Rpc(path)(method) == REPLIES[method]


@pytest.mark.parametrize("error", [None, {}, "x", {"code": 404}, {"code": "x", "message": "y"},
                                   {"code": 404, "message": None}])
def test_an_error_that_is_none(kamailio, error):
    path = kamailio(lambda method, number: [
        json.dumps({"id": number, "error": error}).encode()])
    with pytest.raises(rpc.RpcError, match="no reply of ims_release to core.version"):
        rpc.Rpc(path)("core.version")


def test_bytes_that_are_no_text(kamailio):
    """A peer chose them: the rest of the reply is there."""
    path = kamailio(lambda method, number: [
        b'{"id": %d, "result": "<sip:\xff\xfe@a>\x01"}' % number])
    assert rpc.Rpc(path)("core.version") == "<sip:\ufffd\ufffd@a>\x01"


def test_strangers_that_never_stop(kamailio):
    """Answers to others, one after the other: it does not wait for ever."""
    path = kamailio(lambda method, number: iter(lambda: result(0, "x"), None))
    with pytest.raises(rpc.Away):
        rpc.Rpc(path, 0.2)("core.version")


def test_nobody_there(tmp_path):
    for path in (tmp_path / "none", tmp_path, "/" + "x" * 200):
        run = subprocess.run([TOP, "-s", path, "--once"], capture_output=True, text=True)
        assert run.returncode == 1
        assert re.fullmatch(r"ims_release_top: .*: [\w ]+\n", run.stderr)


# -- the command line ----------------------------------------------------------------


@pytest.mark.parametrize("arguments, says", [
    (["-i", "0"], "0 is not from 0.1 to 3600"), (["-i", "x"], "invalid"),
    (["-i", "nan"], "nan is not from"), (["more"], "unrecognized arguments: more"),
    ([], "standard input and output are no terminal; --once prints plain text")])
def test_command_line(arguments, says):
    run = subprocess.run([TOP, *arguments], stdin=subprocess.DEVNULL,
                         capture_output=True, text=True)
    assert run.returncode == 2
    assert says in run.stderr


def test_help():
    run = subprocess.run([TOP, "--help"], capture_output=True, text=True)
    assert run.returncode == 0
    for option in ("-s SOCKET", "-i SECONDS", "--once", "--json", main.SOCKET):
        assert option in run.stdout


@pytest.mark.skipif(not (ROOT / "build" / "ims_release.so").exists(),
                    reason="the module is not built")
def test_installed(tmp_path):
    """It runs by itself, and leaves nothing where it is."""
    subprocess.run(["make", "-s", "-o", "build", "install", f"DESTDIR={tmp_path}",
                    "PREFIX=/opt"], cwd=ROOT, check=True, capture_output=True)
    tool = tmp_path / "opt" / "bin" / "ims_release_top"
    before = sorted(tmp_path.rglob("*"))
    assert len(before) > len(list((TOOLS / "release_top").glob("*.py")))
    run = subprocess.run([tool, "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert sorted(tmp_path.rglob("*")) == before
