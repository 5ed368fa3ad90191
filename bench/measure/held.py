# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that two SIPps hold until the network ends them, and when each party was told.

The scenarios are those of sipp-scenarios/basic-call; each party writes down when its
BYE came.
"""

import os
import time

from rig.process import Process, wait_until
from rig.sipp import KEYS, SCENARIOS

CALLER, CALLEE = "127.0.0.31", "127.0.0.32"
BYE = '<recv request="BYE"/>'
NOTED = ('<recv request="BYE"><action><log message="[call_id] [timestamp]"/></action>'
         "</recv>")
# Between two repetitions of a BYE lie four seconds at most (T2).
QUIET = 4.5


class Held:
    """Two SIPps on a stage; `calls` are up when it is made."""

    def __init__(self, stage, calls, rate=1500):
        self.stage, self.calls, self.pids = stage, calls, []
        self._logs = [self._start("uas", CALLEE, 5060),
                      self._start("uac", CALLER, 5060, "-r", rate, "-l", calls)]
        wait_until(lambda: self.active() == calls, 60 + calls / 200,
                   "%d calls" % calls, interval=0.2)
        wait_until(lambda: stage.scscf.transactions() == 0, 30, "no transaction",
                   interval=0.2)

    def active(self):
        """Acknowledged calls that the dialog module has."""
        stats = self.stage.scscf.statistics("dialog")
        return int(stats["active_dialogs"])

    def ids(self):
        """Call-ID, caller's tag and callee's tag of each call."""
        return [("held-%d" % n, "uac-held-%d" % n, "uas-held-%d" % n)
                for n in range(1, self.calls + 1)]

    def _start(self, role, host, port, *args):
        folder = self.stage.folder
        with open(os.path.join(SCENARIOS, "basic-call", role + ".xml")) as file:
            text = file.read()
        path = os.path.join(folder, role + ".xml")
        with open(path, "w") as file:
            file.write(text.replace(BYE, NOTED).replace(
                "[pid]-[call_number]", "[call_id]"))
        log = os.path.join(folder, role + ".told")
        keys = {**KEYS, "user": role, "ruri": "sip:bob@%s:5060" % CALLEE,
                "from": '"Alice" <sip:alice@ims.example>',
                "to": '"Bob" <sip:bob@%s:5060>' % CALLEE}
        command = ["sipp", "127.0.0.1:5060", "-sf", path, "-i", host, "-p", port,
                   "-t", "u1", "-m", self.calls, "-nostdin", "-d", 2000,
                   "-default_behaviors", "none", "-cid_str", "held-%u",
                   "-buff_size", 1 << 22, "-trace_logs", "-log_file", log, *args]
        for item in keys.items():
            command += ["-key", *item]
        process = self.stage.add(Process(
            self.stage.ns, command, os.path.join(folder, role + ".screen"), cwd=folder))
        self.pids.append(process.pid)
        return log

    def told(self):
        """When each party was told: (side, Call-ID) -> seconds since the epoch."""
        found = {}
        for log in self._logs:
            if os.path.exists(log):
                with open(log) as file:
                    for words in (line.split() for line in file):
                        if len(words) > 1:
                            found.setdefault((log, words[0]), float(words[-1]))
        return found

    def await_told(self):
        """Until all are told, or nobody was for a while; returns told()."""
        count, since = -1, time.monotonic()
        while count < 2 * self.calls and time.monotonic() - since < QUIET:
            time.sleep(0.2)
            now = sum(map(_lines, self._logs))
            if now != count:
                count, since = now, time.monotonic()
        time.sleep(0.2)
        return self.told()


def _lines(path):
    try:
        with open(path, "rb") as file:
            return file.read().count(b"\n")
    except FileNotFoundError:
        return 0
