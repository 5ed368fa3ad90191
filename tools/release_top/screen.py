# SPDX-License-Identifier: GPL-2.0-or-later
"""The terminal: what is drawn where, and what each key does."""

import collections
import contextlib
import curses
import math
import select
import time

from . import ask, draw
from .rpc import RpcError

KEYS = "h help  q quit  r release  c cancel  t limit  l list  s show  Tab Up Down PgDn"
MOVES = {curses.KEY_UP: -1, curses.KEY_DOWN: 1}
ENTER = ("\n", "\r", curses.KEY_ENTER)
BACKSPACE = "\b"
ESCAPE = "\x1b"
TITLE, CURSOR = curses.A_REVERSE, curses.A_BOLD
TICK, SLOW = 0.1, 0.5           # seconds


class Quit(Exception):
    """The operator leaves, or is gone."""


class Interrupted(Exception):
    """What he wants to know comes before what the screen still has to ask."""


@contextlib.contextmanager
def terminal():
    """A window over all of it, without colour; the terminal is left as it was."""
    window = curses.initscr()
    try:
        curses.noecho()
        curses.cbreak()
        curses.set_escdelay(25)
        window.keypad(True)
        with contextlib.suppress(curses.error):     # some cannot hide it
            curses.curs_set(0)
        yield window
    finally:
        window.keypad(False)
        curses.endwin()


class Screen:
    """run() until the operator quits.

    Keys are obeyed while an answer of Kamailio is awaited, too. Those that need an answer
    of their own wait for that one, and those behind them wait with them.
    """

    def __init__(self, window, model, interval):
        self.window, self.model, self.interval = window, model, interval
        self.question, self.message = None, ""
        self.focus = "sessions"
        self.session, self.job = 0, 0       # under the cursor: of the page, of all
        self.help = False
        self.shown, self.record, self.top = None, None, 0
        self._due, self._began = 0, 0
        self._looking = False               # else it is the operator who asks
        self._keys = collections.deque()    # those that wait
        model.rpc.select = self._select
        self.height, self.columns = 0, 0
        self._measure()

    def run(self):
        with contextlib.suppress(Quit):
            self._run()

    def _run(self):
        while True:
            self._began = time.monotonic()
            if self._began >= self._due and not self._keys:
                self._refresh()
            self._draw()
            key = self._keys.popleft() if self._keys else (
                self._typed(self._due - time.monotonic()))
            self._began = time.monotonic()
            self._press(key)

    def _typed(self, seconds):
        """A key, or None when none comes so long."""
        self.window.timeout(min(max(int(seconds * 1000), 0), 60000) + 1)
        try:
            return self.window.get_wch()
        except curses.error:
            if hung_up():
                raise Quit from None
            return None

    def _select(self, readers, writers, _, seconds):
        """select.select() for the questions, with an eye on the keys."""
        end = time.monotonic() + seconds
        if writers and not self._looking:
            # what the operator asks is sent before he is heard again
            found = select.select([], writers, [], 0)
            if any(found):
                return found
        while True:
            left = max(end - time.monotonic(), 0)
            found = select.select([*readers, 0], writers, [], min(left, TICK))
            if 0 in found[0] or not any(found):
                self._meanwhile()
            found[0][:] = [sock for sock in found[0] if sock != 0]
            if any(found) or not left:
                if self._looking and self._keys:
                    raise Interrupted
                return found

    def _meanwhile(self):
        """An answer is awaited."""
        key = self._typed(0)
        while key is not None:
            if self._looking and self._needs_none(key):
                self._press(key)
            elif key == "q" and not (self._looking and self.question):
                raise Quit              # what he has said yes to is asked before
            else:
                self._keys.append(key)
            key = self._typed(0)
        self._draw(time.monotonic() - self._began)

    def _needs_none(self, key):
        """Whether a key can be obeyed without another answer."""
        return not self._keys and key not in ENTER and (key != "s" or self.question)

    def _press(self, key):
        self._measure()
        self._clamp()
        if key == "q" and not self.question:
            raise Quit
        if key in (None, curses.KEY_RESIZE) or too_small(self.columns, self.height):
            pass                            # nobody answers what cannot be read
        elif self.question:
            self._answer(key)
        else:
            self.message = ""
            self._key(key)

    # -- what there is to see ----------------------------------------------------------

    def _measure(self):
        """The terminal may have another size: KEY_RESIZE can come behind other keys."""
        if (self.height, self.columns) == self.window.getmaxyx():
            return
        curses.update_lines_cols()
        self.height, self.columns = self.window.getmaxyx()
        self.width = self.columns - 1       # the last one makes some terminals scroll
        self._share()
        self._due = 0

    def _share(self):
        """How many jobs and sessions there is room for; whether that has changed."""
        model, body = self.model, self.height - 8   # without head, message and keys
        before = model.job_rows, model.limit
        model.job_rows = max((body // 2 - 1) // 2, 1)
        jobs = min(max(len(model.jobs), 1), model.job_rows)
        model.limit = max(body - (1 + 2 * jobs) - 2, 1)
        return before != (model.job_rows, model.limit)

    def _refresh(self):
        self._looking, self._due = True, math.inf
        try:
            there = self.model.refresh()
            if self._share():
                self._due = 0
            self._clamp()
            if there and self.shown:
                self._show(self.shown)
        except Interrupted:
            self._due = 0
        self._looking = False
        self._due = min(self._due, time.monotonic() + self.interval)

    def _clamp(self):
        """Cursors stay on what is there."""
        model = self.model
        self.job = min(self.job, max(len(model.jobs) - 1, 0))
        model.first_job = min(model.first_job, self.job)
        if self.job >= model.first_job + model.job_rows:
            model.first_job = self.job - model.job_rows + 1
        if model.page:
            matched = model.page["matched"]
            if model.offset and model.offset >= matched:
                model.offset = max(matched - 1, 0) // model.limit * model.limit
                self._due = 0
            self.session = min(self.session, max(model.rows() - 1, 0))

    # -- drawing -----------------------------------------------------------------------

    def _draw(self, waited=0):
        """`waited` so many seconds for Kamailio."""
        self._measure()
        self.window.erase()
        if too_small(self.columns, self.height):
            self._put(0, too_small(self.columns, self.height))
        else:
            lines = self._page() if self.help or self.shown else self._overview()
            for number, (text, attribute) in enumerate(lines[:self.height - 2]):
                self._put(number, text, attribute)
            self._bottom(waited)
        self.window.refresh()

    def _put(self, row, text, attribute=curses.A_NORMAL):
        text = draw.fit(text, self.width)
        encoding = self.window.encoding
        text = text.encode(encoding, "replace").decode(encoding)
        if row < self.height:
            self.window.addstr(row, 0, text, attribute)

    def _bottom(self, waited):
        """A message and the keys, or a question with the end of its answer."""
        about, keys, attribute = self.message, KEYS, TITLE
        if self.question:
            about, text = self.question.about, self.question.text
            room = max(self.width - draw.columns(text) - 1, 10)
            keys, attribute = f"{text}{self.question.answer[-room:]}_", CURSOR
        if waited > SLOW and not about:
            about = f"Kamailio is slow: {waited:.0f} s until now"
        self._put(self.height - 2, about)
        self._put(self.height - 1, keys, attribute)

    def _overview(self):
        model, width = self.model, self.width
        lines = [(line, 0) for line in draw.head(model, width)] + [("", 0)]
        if model.away:
            lines[0] = lines[0][0], TITLE
        lines.append((draw.jobs_title(width), TITLE))
        if "jobs" in model.faults:
            lines.append((model.faults["jobs"], 0))
        elif not model.jobs:
            lines.append(("  none" if model.at else "", 0))
        shown = model.jobs[model.first_job:][:model.job_rows]
        for number, job in enumerate(shown, model.first_job):
            here = self.focus == "jobs" and number == self.job
            lines += [(line, CURSOR if here else 0)
                      for line in draw.job_lines(job, width, ">" if here else " ")]
        return lines + self._sessions()

    def _sessions(self):
        model, width = self.model, self.width
        lines = [(line, TITLE) for line in draw.sessions_title(model, width)]
        if "page" in model.faults:
            lines.append((model.faults["page"], 0))
        for number, session in enumerate((model.page or {}).get("sessions", [])):
            here = self.focus == "sessions" and number == self.session
            lines.append((draw.session_line(session, width, ">" if here else " "),
                          CURSOR if here else 0))
        return lines

    def _page(self):
        """The help, or a session in full."""
        title = "Keys" if self.help else f"Session {self.shown}"
        lines = draw.HELP if self.help else draw.show_lines(self.record, self.width)
        self.top = max(min(self.top, len(lines) - (self.height - 3)), 0)
        return [(draw.fit(title + ("" if self.help else "  (Esc goes back)"), self.width),
                 TITLE)] + [(line, 0) for line in lines[self.top:]]

    # -- keys --------------------------------------------------------------------------

    def _answer(self, key):
        if key == ESCAPE:
            self.question, self.message = None, "nothing was done"
        elif key in ENTER:
            self._then(self.question.done())
            self.model.again()
            self._due = 0
        elif key == curses.KEY_BACKSPACE:
            self.question.key(BACKSPACE)
        elif isinstance(key, str):
            self.question.key(key)

    def _then(self, what):
        """A question or a message."""
        self.question = what if isinstance(what, ask.Question) else None
        self.message = "" if self.question else what or ""
        if self.question and self.question.confirms:
            curses.flushinp()
            self._keys.clear()

    def _key(self, key):
        if key in (ESCAPE, "h"):
            self.help = key == "h" and not self.help
            self.shown, self.top = None, 0
        elif self.shown and key == "r":
            self._then(ask.release(self.model.rpc, f"id {self.shown}"))
        elif self.help or self.shown:
            self.top += MOVES.get(key, 0) + {
                curses.KEY_NPAGE: self.height - 4,
                curses.KEY_PPAGE: 4 - self.height}.get(key, 0)
            self.top = max(self.top, 0)
        elif key == "\t":
            self.focus = "jobs" if self.focus == "sessions" else "sessions"
        elif key in MOVES:
            self._move(MOVES[key])
        elif key in (curses.KEY_NPAGE, curses.KEY_PPAGE):
            self._turn(1 if key == curses.KEY_NPAGE else -1)
        elif key == "s" or key in ENTER:
            self._choose()
        elif key in ("r", "c", "t", "l"):
            self._then(self._question(key))

    def _question(self, key):
        rpc, jobs = self.model.rpc, self.model.jobs
        if key == "r":
            return ask.release(rpc)
        if key == "c":
            return ask.cancel(rpc, jobs[self.job]["id"] if jobs else "")
        return ask.limit(rpc) if key == "t" else ask.select(rpc, self.model)

    def _move(self, step):
        if self.focus == "jobs":
            self.job = max(self.job + step, 0)
            self._clamp()
            self._due = 0
            return
        if 0 <= self.session + step < self.model.rows():
            self.session += step
        elif self._turn(step):
            self.session = 0 if step > 0 else self.model.limit - 1

    def _turn(self, step):
        """To the next page or the one before: whether there is one."""
        model = self.model
        if self.focus == "jobs":
            return self._move(step * model.job_rows)
        offset = max(model.offset + step * model.limit, 0)
        if offset == model.offset or not model.page or offset >= model.page["matched"]:
            return False
        model.offset, self.session, self._due = offset, 0, 0
        return True

    def _choose(self):
        """The session under the cursor, in full."""
        if self.model.turned():     # by a key right before this one
            try:
                self.model.look_at_page()
            except RpcError as error:
                self.message = str(error)
                return
            self._clamp()
        sessions = (self.model.page or {}).get("sessions", [])
        if self.session < len(sessions):
            self._show(sessions[self.session]["id"])

    def _show(self, number):
        before, record, error = self.shown, None, ""
        try:
            record = self.model.rpc("ims_release.show", "id", number)
        except RpcError as why:
            error = str(why)
        if self.shown == before:            # else he has left it meanwhile
            self.shown, self.record = record and number, record
            self.message = self.message or error


def too_small(columns, lines):
    """What there is too little of, or nothing."""
    if columns >= draw.WIDTH_MIN and lines >= draw.HEIGHT_MIN:
        return ""
    return f"the terminal is {columns}x{lines}, {draw.WIDTH_MIN}x{draw.HEIGHT_MIN} is needed"


def hung_up():
    """Whether the terminal is gone."""
    poll = select.poll()
    poll.register(0, 0)
    return any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL)
               for _, events in poll.poll(0))
