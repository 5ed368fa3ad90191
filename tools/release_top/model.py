# SPDX-License-Identifier: GPL-2.0-or-later
"""What there is to see: asked of Kamailio, without a thought of how it is drawn."""

import re
import socket
import time

from .rpc import Away, Fault, RpcError

STATES = ["early", "answered", "confirmed", "releasing", "released"]
MORE = re.compile(r"more \d{1,10} offset (\d{1,10})")
# who says that there are more without end is no Kamailio
PAGES = 1000
COUNTS = ["matched", "released", "failed", "ended", "in_progress"]
JOB = re.compile(r"(\d{1,10}) (\w+) (\w+) (.*) " + " ".join(
    rf"{name} (?P<{name}>\d{{1,10}})" for name in COUNTS), re.S)


class Paced:
    """A question that takes a tenth of the time at most, however long the answer
    takes: some make Kamailio walk through all sessions."""

    def __init__(self, clock=time.monotonic):
        self._clock, self._due, self._what = clock, 0, None
        self._value, self._error = None, None

    def __call__(self, ask, *what):
        """ask(*what), or what it was a moment ago: (value, RpcError or None)."""
        begin = self._clock()
        if begin >= self._due or what != self._what:
            try:
                self._value, self._error = ask(*what), None
            except Away:
                raise
            except RpcError as error:
                self._value, self._error = None, error
            end = self._clock()
            self._due, self._what = end + 10 * (end - begin), what
        return self._value, self._error


class Model:
    """refresh() asks; the attributes are what was answered last."""

    def __init__(self, rpc, clock=time.monotonic):
        self.rpc, self._clock = rpc, clock
        self.node = socket.gethostname()
        self.selection, self.offset, self.limit = ("all", "*"), 0, 10
        self.first_job, self.job_rows = 0, 10
        self.away = None            # why nobody answers
        self.at = None              # when somebody did, and the rest was so
        self._forget()

    def _forget(self):
        self.version, self.uptime, self.job_rate, self._since = "", 0, None, None
        self.statistics, self.rates, self.states = {}, {}, {}
        self.jobs, self.page, self._page_of, self.faults = [], None, None, {}
        self._counted_at, self._over = None, {}
        self._paced = {name: Paced(self._clock) for name in ("states", "jobs", "page")}

    def refresh(self):
        """Whether Kamailio answers; what one part cannot be told is in faults."""
        try:
            self._uptime()
            self._count()
            self.faults = {}
            self.states = self._part("states", self._ask_states) or {}
            self.jobs = self._part(
                "jobs", self._ask_jobs, self.first_job, self.job_rows) or []
            self.look_at_page()
        except Fault as error:
            self.away = f"no Kamailio with ims_release is there: {error}"
        except RpcError as error:
            self.away = str(error)
        else:
            self.away, self.at = None, time.time()
        return self.away is None

    def look_at_page(self):
        """The one that is to be seen now."""
        wanted = self.selection, self.offset
        self.page = self._part("page", self._ask_page, *wanted, self.limit)
        self._page_of = wanted

    def turned(self):
        """Whether another page is to be seen than the one that is here."""
        return self._page_of != (self.selection, self.offset)

    def rows(self):
        """How many sessions are on it, or will be when it has come."""
        if not self.page:
            return 0
        if self.turned():
            return max(min(self.limit, self.page["matched"] - self.offset), 0)
        return len(self.page["sessions"])

    def again(self):
        """What is seen is not as it was: an operator has done something."""
        for name in self._paced:
            self._paced[name] = Paced(self._clock)

    def _part(self, name, ask, *what):
        value, error = self._paced[name](ask, *what)
        if error:
            self.faults[name] = str(error)
        return value

    def _uptime(self):
        answer = self.rpc("core.uptime")
        if answer["up_since"] != self._since:
            self._forget()          # another Kamailio, which counts its jobs anew
            self.version, self._since = self.rpc("core.version"), answer["up_since"]
        self.uptime = answer["uptime"]

    def _count(self):
        found = self.rpc("stats.fetchn", "ims_release:")
        counted = {name.partition(".")[2]: int(value) for name, value in found.items()}
        now, before = self._clock(), self.statistics
        if self._counted_at is not None and now > self._counted_at:
            self.rates = {
                name: max(counted[name] - before[name], 0) / (now - self._counted_at)
                for name in ("released", "failed")}
        self.statistics, self._counted_at = counted, now
        self.job_rate = self.rpc("ims_release.rate")["job_rate"]

    def _ask_states(self):
        return {state: self.rpc("ims_release.list", "state", state, 0, 1)["matched"]
                for state in STATES}

    def _ask_page(self, selection, offset, limit):
        return self.rpc("ims_release.list", *selection, offset, limit)

    def _ask_jobs(self, first, rows):
        """All of them, newest first; those to be seen with all that is known of them."""
        # one that begins between two pages moves another to the second
        jobs = list({job["id"]: job for job in map(job_of, self._job_lines())}.values())
        ids = {job["id"] for job in jobs}
        self._over = {number: job for number, job in self._over.items() if number in ids}
        seen = slice(first, first + rows)
        jobs[seen] = [self._job(job) for job in jobs[seen]]
        return jobs

    def _job_lines(self):
        """Of all jobs, page after page."""
        lines, offset, pages = [], 0, 0
        while offset is not None and pages < PAGES:
            page = self.rpc("ims_release.jobs", offset)
            more = MORE.fullmatch(page[-1]) if page else None
            lines += page[:-1] if more else page
            offset = int(more[1]) if more else None
            pages += 1
        return lines

    def _job(self, job):
        if job["id"] not in self._over:
            try:
                job = self.rpc("ims_release.job", job["id"])
            except Away:
                raise
            except RpcError:
                return job          # forgotten meanwhile
            if job["state"] == "running" or job["in_progress"]:
                return job
            self._over[job["id"]] = job
        return self._over[job["id"]]

    def as_dict(self):
        """For --json."""
        return {"node": self.node, "socket": self.rpc.path, "at": self.at,
                "version": self.version, "uptime": self.uptime,
                "statistics": self.statistics, "rates": self.rates,
                "job_rate": self.job_rate, "states": self.states, "jobs": self.jobs,
                "selection": self.selection, "page": self.page, "faults": self.faults}


def job_of(line):
    """What a line of ims_release.jobs says; its value may hold spaces."""
    found = JOB.fullmatch(line)
    if not found:
        raise RpcError(f"ims_release.jobs: the reply cannot be read: {line!r}")
    number, state, selector, value = found.groups()[:4]
    return {"id": int(number), "state": state, "selector": selector, "value": value,
            **{name: int(found[name]) for name in COUNTS}}


def done(job):
    """The sessions that a job is through with."""
    return job["released"] + job["failed"] + job["ended"]
