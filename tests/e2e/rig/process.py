# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of a case: started in its namespace, ended by their own id."""

import os
import signal
import subprocess
import time


class RigError(AssertionError):
    """Something that the test needs did not do what it must."""


def wait_until(condition, timeout=5.0, what="", interval=0.005):
    """Polls until condition() is true, and returns what it returned."""
    end = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise RigError("not within %g s: %s" % (timeout, what or condition))
        time.sleep(interval)


def tail(path, lines=30):
    try:
        with open(path, errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError as error:
        return str(error)


class Process:
    """A child process whose output goes to a file."""

    def __init__(self, ns, argv, log, cwd=None):
        self.argv = [str(word) for word in argv]
        self.log = log
        with open(log, "ab") as out:
            self._popen = ns.popen(
                self.argv, stdout=out, stderr=subprocess.STDOUT, cwd=cwd)

    @property
    def pid(self):
        return self._popen.pid

    def poll(self):
        return self._popen.poll()

    def wait(self, timeout):
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise RigError("still running after %g s: %s\n%s"
                           % (timeout, " ".join(self.argv), tail(self.log)))

    def stop(self, timeout=15):
        """Asks it to end; returns its exit code."""
        if self.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def write_stacks(self, path):
        """Where it and its children hang, for whoever looks at a failed case."""
        with open(path, "w") as out:
            for pid in [self.pid, *children(self.pid)]:
                print("== process", pid, file=out, flush=True)
                try:
                    subprocess.run(
                        ["gdb", "-p", str(pid), "-batch", "-ex", "bt"], stdout=out,
                        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)
                except (OSError, subprocess.TimeoutExpired) as error:
                    print(error, file=out)

    def kill(self):
        """Ends it and its children, whatever it is doing."""
        family = children(self.pid)
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._popen.wait()
        # a child that is still there would take what is meant for the next process
        wait_until(lambda: not any(map(runs, family)), 10, "the end of its children")


def runs(pid):
    """Whether there is such a process, and not only what is left of it."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def asleep(pid):
    """Whether a process is waiting for something to do."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] == "S"
    except OSError:
        return False


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return [int(child) for child in file.read().split()]
    except OSError:
        return []
