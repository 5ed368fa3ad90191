# SPDX-License-Identifier: GPL-2.0-or-later
"""SIPp as a user agent: one scenario, one call."""

import glob
import os
import socket
import struct

from .process import Process, RigError, tail, wait_until

SCENARIOS = os.path.join(
    os.path.dirname(__file__), os.pardir, os.pardir, os.pardir, "sipp-scenarios")

# Every [key] that the scenarios know. sipp-scenarios/README.md says what they mean.
KEYS = {
    "user": "user", "ruri": "", "from": "", "from_params": "", "to": "",
    "to_params": "", "to_tail": "", "uri_params": "", "headers": "",
    "answer_headers": "", "expires": "3600",
    "bye_answer": "SIP/2.0 200 OK",
}


class Sipp:
    """A scenario being played; both sides' exit codes must be read (`finish`)."""

    def __init__(self, ns, scenario, role, folder, address, remote, call_id=None,
                 transport="udp", keys=None, quiet=1000, timeout=12, name=None,
                 args=()):
        self.name = name or role
        self.folder = folder
        path = os.path.join(SCENARIOS, scenario, role + ".xml")
        host, port = address
        argv = ["sipp", "%s:%d" % (_bracket(remote[0]), remote[1]),
                "-sf", os.path.abspath(path), "-i", host, "-p", port,
                "-t", {"udp": "u1", "tcp": "t1"}[transport], "-m", 1, "-nostdin",
                "-d", quiet, "-timeout", "%ds" % timeout, "-timeout_error",
                "-default_behaviors", "none",
                "-trace_err", "-error_file", self._file("errors"),
                "-trace_msg", "-message_file", self._file("messages")]
        if call_id:
            argv += ["-cid_str", call_id]
        for key, value in {**KEYS, **(keys or {})}.items():
            argv += ["-key", key, value]
        self._process = Process(ns, argv + list(args), self._file("screen"),
                                cwd=folder)
        self._timeout = timeout

        self._listens = "%s:%04X" % (_proc_form(host), port)
        self._table = "/proc/%d/net/%s%s" % (
            self._process.pid, transport, "6" if ":" in host else "")

    def wait_listening(self):
        """Until its socket is there."""
        def listening():
            if self._process.poll() is not None:
                self.finish()
            with open(self._table) as table:
                return any(line.split()[1] == self._listens for line in table)

        wait_until(listening, 5, "SIPp %s listens" % self.name)
        return self

    def _file(self, kind):
        return os.path.join(self.folder, "%s.%s" % (self.name, kind))

    def finish(self):
        """Until the scenario ends; it must end well."""
        code = self._process.wait(self._timeout + 5)
        if code != 0:
            raise RigError("SIPp %s: exit code %d\n%s\n%s" % (
                self.name, code, tail(self._file("errors")),
                "\n".join(glob.glob(self._file("*")))))

    def kill(self):
        self._process.kill()


def _bracket(host):
    return "[%s]" % host if ":" in host else host


def _proc_form(host):
    """An address as /proc/net/udp has it: words of 32 bits in the host's order."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    packed = socket.inet_pton(family, host)
    words = struct.unpack("=%dI" % (len(packed) // 4), packed)
    return "".join("%08X" % word for word in words)
