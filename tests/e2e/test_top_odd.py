# SPDX-License-Identifier: GPL-2.0-or-later
"""ims_release_top beside what answers otherwise than ims_release, or slowly, and with
standard streams that are closed or full."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from rig.case import ROOT
from rig.terminal import KEYS, Terminal

TOP = os.path.join(ROOT, "tools", "ims_release_top")
SESSION = {"id": "1:1", "callid": "call-1", "state": "confirmed", "served": "orig",
           "impu": "sip:alice@ims.example", "from": "<sip:alice@ims.example>",
           "to": "<sip:bob@ims.example>", "age": 1}
COUNTS = {"matched": 9, "released": 1, "failed": 0, "ended": 0, "in_progress": 2}
JOB = {"id": 1, "state": "running", "selector": "all", "value": "*", "cause": 503,
       "text": "Over", **COUNTS, "rate": 1.5, "elapsed_ms": 5, "eta_ms": 7, "codes": []}
# As Kamailio has it.
REPLIES = {
    "core.uptime": {"now": "x", "up_since": "y", "uptime": 3},
    "core.version": "kamailio",
    "stats.fetchn": {"ims_release." + name: 4 for name in (
        "sessions", "releasing", "jobs", "released", "failed", "byes_sent", "byes_2xx",
        "byes_gone", "byes_refused", "cancels")},
    "ims_release.rate": {"job_rate": 3},
    "ims_release.jobs": ["1 running all * " + " ".join(map("%s %d".__mod__, COUNTS.items()))],
    "ims_release.job": JOB,
    "ims_release.list": {"matched": 1, "offset": 0, "sessions": [SESSION]},
    "ims_release.show": SESSION,
    "ims_release.release": {"job": 7, "matched": 1},
}


class Service:
    """It answers each question, one after the other: with body(method), what comes after
    the id, `delay` seconds later."""

    def __init__(self, path):
        self.path, self.asked, self.params, self.delay = str(path), [], [], 0
        self.body = lambda method: '"result": ' + json.dumps(REPLIES[method])
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        while not os.path.exists(self.path):
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _serve(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(self.path)
            sock.settimeout(0.05)
            while not self._over.is_set():
                with contextlib.suppress(OSError):      # nobody asks, or waits any more
                    self._answer(sock, *sock.recvfrom(1 << 16))

    def _answer(self, sock, data, who):
        question = json.loads(data)
        self.asked.append(question["method"])
        self.params = question["params"]
        if not self._over.wait(self.delay):
            reply = '{"id": %d, %s}' % (question["id"], self.body(question["method"]))
            sock.sendto(reply.encode(), who)


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path / "socket") as made:
        yield made


def at_console(service, *arguments):
    return Terminal(None, [TOP, "-s", service.path, *arguments])


def last(top, what, seconds=8):
    """Until that is the message, above the keys."""
    return top.wait(lambda text: what in text.splitlines()[-2], seconds)


# -- other shapes ----------------------------------------------------------------------

SHAPES = ['"result": null', '"result": {}', '"result": []', '"result": "x"', '"no": 1',
          '"error": null', '"error": {}', '"error": "x"',
          '"result": {"uptime": "x", "up_since": 1}',
          '"result": {"uptime": NaN, "up_since": "x"}',
          '"result": {"uptime": 1e999, "up_since": "x"}',
          '"result": {"uptime": %s, "up_since": "x"}' % ("9" * 400),
          '"result": {"uptime": 1, "up_since": "x", "more": %s0%s}' % ("[" * 50, "]" * 50)]


@pytest.mark.parametrize("body", SHAPES, ids=range(len(SHAPES)))
def test_another_service(service, body):
    """Said on the screen and to who asks; the operator may go on, and quit."""
    service.body = lambda method: body
    top = at_console(service, "-i", "0.2")
    screen = top.wait("No Kamailio: ")
    assert screen.startswith("No Kamailio: no reply of ims_release to core.uptime, retrying")
    top.type("r")
    top.wait("release SELECTOR VALUE")
    top.type("all *", "Enter")
    last(top, "no reply of ims_release to ims_release.list")
    top.type("q")
    assert top.exit_code() == 0
    for form in "--once", "--json":
        run = subprocess.run([TOP, "-s", service.path, form], capture_output=True, text=True)
        assert run.returncode == 1 and not run.stdout
        assert run.stderr == ("ims_release_top: %s: no reply of ims_release to core.uptime\n"
                              % service.path)


def test_nested_without_end(service):
    """Deeper than Python follows."""
    service.body = lambda method: '"result": ' + "[" * 100000
    top = at_console(service)
    top.wait("No Kamailio: no reply of ims_release to core.uptime: it cannot be read: ")
    top.type("q")
    assert top.exit_code() == 0


def test_one_odd_part(service):
    """Each reply that is none is said in its place; the rest is shown, and comes back."""
    usual = service.body
    top = at_console(service, "-i", "0.1")
    top.wait("call-1")
    service.body = lambda method: (
        '"result": {}' if method in ("ims_release.jobs", "ims_release.show") else usual(method))
    top.wait("no reply of ims_release to ims_release.jobs")
    assert "sessions of all *: 1 to 1 of 1" in top.text
    top.type("s")
    last(top, "no reply of ims_release to ims_release.show")
    service.body = usual
    top.wait("1/9")
    top.type("s")
    top.wait("Session 1:1")
    top.type("q")
    assert top.exit_code() == 0


def test_release_whose_answer_is_odd(service):
    """It may have been done."""
    usual = service.body
    service.body = lambda method: (
        '"result": {}' if method == "ims_release.release" else usual(method))
    top = at_console(service)
    top.wait("call-1")
    top.type("r")
    top.wait("release SELECTOR VALUE")
    top.type("all *", "Enter")
    top.wait("Release? (yes/no)")
    top.type("yes", "Enter")
    last(top, "no reply of ims_release to ims_release.release: look whether it was done")


# -- slow answers ----------------------------------------------------------------------


def test_keys_while_answers_are_slow(service):
    """Below the 2 s after which it gives up: there is a screen, and each key is obeyed."""
    service.delay = 1.5
    top = at_console(service)
    top.wait("h help  q quit", 0.8)
    top.wait("Kamailio is slow", 2)
    for key, seen in ("h", "Where a selector is asked for"), ("h", "sessions of all *"), (
            "r", "release SELECTOR VALUE"), ("impu q", "[TEXT]]: impu q_"), (
            "Escape", "nothing was done"):
        top.type(key)
        top.wait(seen, 0.4)
    top.resize(100, 30)
    top.wait(lambda text: "h help  q quit" in text.split("\n")[29], 0.6)
    quits_at_once(top)


def quits_at_once(top):
    begin = time.monotonic()
    top.type("q")
    assert top.exit_code() == 0
    assert time.monotonic() - begin < 0.4


def test_questions_do_not_wait_for_the_screen(service):
    """What the operator asks comes after the answer that is under way, not after all
    that the screen still has to ask; and he may quit while he waits."""
    service.delay = 1.5
    top = at_console(service)
    top.wait("h help")
    top.type("r")
    top.wait("release SELECTOR VALUE", 0.4)
    top.type("all *", "Enter", "no")        # `no` is typed ahead, and counts for nothing
    top.wait("1 session found by all *", 4)
    assert "Release? (yes/no) _" in top.text
    assert service.asked[:2] == ["core.uptime", "ims_release.list"]
    top.type("yes", "Enter")
    wait_for_asked(service, "ims_release.release", 1)
    quits_at_once(top)


def test_a_yes_is_a_yes(service):
    """Who quits right after it has started the job, though the answer before is awaited."""
    service.delay = 0.7
    top = at_console(service)
    top.wait("h help")
    top.type("rall *", "Enter")
    top.wait("Release? (yes/no) _", 4)
    wait_for_asked(service, "core.uptime", 2)
    top.type("yes", "Enter", "q")
    assert top.exit_code() == 0
    assert service.asked[-1] == "ims_release.release"


def test_more_jobs_without_end(service):
    """Asked for so often and no more; those that came twice are shown once."""
    usual = service.body
    lines = json.loads("{%s}" % usual("ims_release.jobs"))["result"]
    service.body = lambda method: (
        '"result": ' + json.dumps(lines + ["more 7 offset 1"])
        if method == "ims_release.jobs" else usual(method))
    run = subprocess.run([TOP, "-s", service.path, "--json"], capture_output=True,
                         text=True, timeout=20)
    assert run.returncode == 0
    assert [job["id"] for job in json.loads(run.stdout)["jobs"]] == [1]


def test_a_yes_is_a_yes_at_once(service):
    """Both typed in one go, while nothing is awaited."""
    top = at_console(service)
    top.wait("h help")
    top.type("rall *", "Enter")
    top.wait("Release? (yes/no) _", 4)
    top.wait("1/9", 10)
    top.type("yes\rq")
    assert top.exit_code() == 0
    assert service.asked[-1] == "ims_release.release"


def test_slow_and_whole(service):
    """With patience all is seen; what is shown in full closes at once, and stays closed."""
    service.delay = 0.2
    top = at_console(service)
    top.wait("1/9", 10)
    top.wait("call-1", 10)
    top.type("s")
    top.wait("Session 1:1", 10)
    wait_for_asked(service, "ims_release.show", 2)
    top.type("Escape")
    top.wait("sessions of all *", 0.4)
    time.sleep(0.5)
    assert "sessions of all *" in top.text
    quits_at_once(top)


def test_pages_while_answers_are_slow(service):
    """Keys count from the page that was turned to, though it has not come."""
    usual = service.body

    def page():
        offset, limit = map(int, service.params[-2:])
        sessions = [{**SESSION, "id": "1:%d" % number}
                    for number in range(offset, min(offset + limit, 40))]
        return '"result": ' + json.dumps(
            {"matched": 40, "offset": offset, "sessions": sessions})

    service.body = lambda method: page() if method == "ims_release.list" else usual(method)
    top = at_console(service, "-i", "3")
    limit = int(re.search(r"1 to (\d+) of 40", top.wait(" of 40"))[1])
    service.delay = 0.2
    top.type("PageDown", "PageDown", "Up", "Up", "s")
    top.wait("Session 1:%d" % (2 * limit - 2))


@pytest.mark.parametrize("delay", [0, 0.03, 0.3])
def test_any_keys_at_any_time(service, delay):
    """In the middle of each look, in any order and size: it lives, and quits."""
    service.delay = delay
    top = at_console(service, "-i", "0.1")
    top.wait("h help")
    chance = random.Random(delay)
    keys = [*KEYS, *"rctlshx19", "all *", "\x15", "\u4e16"]
    end = time.monotonic() + 4
    while time.monotonic() < end:
        top.type(*chance.choices(keys, k=chance.randrange(1, 4)))
        if chance.random() < 0.1:
            top.resize(chance.choice([20, 72, 80, 200]), chance.choice([5, 16, 24, 60]))
        top.wait(lambda text: True)
    top.resize(80, 24)
    for _ in range(20):
        time.sleep(delay + 0.1)     # what waits is obeyed, one after the other
        top.type("Escape")
    top.wait("h help  q quit")
    quits_at_once(top)


def wait_for_asked(service, method, times):
    end = time.monotonic() + 10
    while service.asked.count(method) < times:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_nobody_reads_the_socket(tmp_path):
    """Its queue is full: said, and the keys are obeyed."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        sock.bind(path)
        other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                other.sendto(b"x", path)
        top = Terminal(None, [TOP, "-s", path])
        top.wait("h help  q quit", 0.8)
        top.type("h")
        top.wait("Where a selector is asked for", 0.4)
        top.type("h")
        top.wait("No Kamailio: no answer within 2 s, retrying", 8)
        quits_at_once(top)


@pytest.mark.parametrize("delay", [0, 1.5])
def test_terminal_goes_while_it_waits(service, delay):
    service.delay = delay
    top = at_console(service)
    top.wait("h help")
    top.close()
    assert top.exit_code() in (0, -signal.SIGHUP)


# -- standard streams ------------------------------------------------------------------


def shell(service, line):
    """(exit code, standard error) of the tool with what the shell makes of its streams."""
    run = subprocess.run(["bash", "-c", "%s -s %s -i 0.1 %s" % (TOP, service.path, line)],
                         capture_output=True, text=True)
    return run.returncode, run.stderr


NOT_WRITTEN = 3


@pytest.mark.parametrize("form", ["--once", "--json", "--help"])
def test_output_that_cannot_be_written(service, form):
    assert shell(service, form + " >/dev/full") == (
        NOT_WRITTEN, "ims_release_top: standard output: No space left on device\n")


@pytest.mark.parametrize("form", ["--once", "--json"])
def test_output_that_is_closed(service, form):
    """Said before anybody is asked."""
    assert shell(service, form + " >&-") == (
        NOT_WRITTEN, "ims_release_top: standard output is closed\n")
    assert not service.asked


def test_reader_that_is_gone(service):
    """No news to who closed it."""
    code, error = shell(service, "--once | true; exit ${PIPESTATUS[0]}")
    assert (code, error) == (NOT_WRITTEN, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-"])
def test_no_streams_for_a_screen(service, closed):
    code, error = shell(service, closed)
    assert code == 2
    assert re.fullmatch("ims_release_top: standard input and output are no terminal; .*\n",
                        error)


@pytest.mark.parametrize("closed", ["<&-", "<&- 2>&-", "2>/dev/full"])
def test_streams_it_can_do_without(service, closed):
    assert shell(service, "--once >/dev/null " + closed) == (0, "")


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_error_that_cannot_be_said(service, closed):
    """The exit code says it."""
    service.body = lambda method: '"result": {}'
    assert shell(service, "--once " + closed) == (1, "")
    assert shell(service, "--once >/dev/full -s /nowhere " + closed) == (1, "")
    assert shell(service, "--help >/dev/full " + closed) == (NOT_WRITTEN, "")


def test_wrong_command_line_that_cannot_be_said(service):
    assert shell(service, "--no-such 2>&-") == (2, "")
