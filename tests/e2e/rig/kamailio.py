# SPDX-License-Identifier: GPL-2.0-or-later
"""A Kamailio of a case: started, asked over RPC, stopped, its log looked at."""

import contextlib
import glob
import json
import os
import re
import signal
import socket
import subprocess

from .process import Process, RigError, asleep, children, tail, wait_until

# What a log may hold at WARNING or above when nothing is wrong.
HARMLESS = [
    # tcp main, when the other processes end before it does
    r"receive_fd\(\): EOF on", r"epoll_wait\(\d+, \S+, 0, \d+\): Invalid argument",
]
LEVELS = re.compile(r"\b(WARNING|ERROR|CRITICAL|ALERT|BUG|EMERG)\b")

VALGRIND = ["valgrind", "--trace-children=yes", "--child-silent-after-fork=no",
            "--num-callers=30", "--track-origins=yes", "--suppressions="
            + os.path.join(os.path.dirname(__file__), os.pardir, "valgrind.supp")]


class RpcFault(Exception):
    def __init__(self, code, text):
        super().__init__("%s %s" % (code, text))
        self.code, self.text = code, text


class Kamailio:
    """One instance.

    config   the configuration file it runs
    defines  #!define NAME VALUE before it (VALUE True: no value)
    substs   #!substdef NAME VALUE before it: text within strings too
    extra    configuration text after it
    args     further arguments of kamailio
    """

    def __init__(self, ns, name, config, folder, run_dir, listen, defines=None,
                 substs=None, extra="", args=(), memory=48, valgrind=False):
        self.ns, self.name, self.folder, self.run_dir = ns, name, folder, run_dir
        self.config, self.listen = config, listen
        self.defines, self.substs = defines or {}, substs or {}
        self.extra, self.args, self.memory = extra, list(args), memory
        self.valgrind = valgrind
        self.log = os.path.join(folder, name + ".log")
        self.expected = []
        self._process = None
        self._asked = 0

    # -- life ----------------------------------------------------------------

    def start(self):
        self.launch()
        return self.ready()

    def launch(self):
        """Starts it; does not wait."""
        os.makedirs(self.run_dir, exist_ok=True)
        path = os.path.join(self.folder, self.name + ".cfg")
        with open(path, "w") as file:
            file.write(self._wrapper())
        self._process = Process(self.ns, self._command(path), self.log)
        return self

    def ready(self):
        """Waits until it answers; a RigError with its log when it does not start."""
        def answers():
            if self._process.poll() is not None:
                raise RigError("%s did not start (exit code %d)\n%s" % (
                    self.name, self.wait_exit(), self.complaints() or tail(self.log)))
            return self._answers() and self._complete()

        wait_until(answers, 60 if self.valgrind else 10, self.name + " answers")
        return self

    def wait_exit(self, timeout=10):
        """Until it ends by itself; its exit code."""
        code = self._process.wait(timeout)
        self._process = None
        return code

    def _wrapper(self):
        """The few lines that adapt the configuration: it can be run by hand too."""
        substs = {"RUN_DIR": self.run_dir, "LISTEN": self.listen[0], **self.substs}
        lines = ["#!KAMAILIO"]
        lines += ['#!substdef "!%s!%s!g"' % item for item in substs.items()]
        lines += ["#!define " + (name if value is True else "%s %s" % (name, value))
                  for name, value in self.defines.items()]
        lines += ['include_file "%s"' % self.config]
        lines += ["listen=" + more for more in self.listen[1:]]
        return "\n".join(lines + [self.extra, ""])

    def _command(self, path):
        command = ["kamailio", "-DD", "-E", "-f", path, "-Y", self.run_dir,
                   "-w", self.folder, "-m", self.memory, "-M", 8, *self.args]
        if not self.valgrind:
            return command
        log = os.path.join(self.folder, self.name + ".valgrind.%p")
        return VALGRIND + ["--log-file=" + log] + command

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        return self._process.pid

    def stop(self):
        """Ends it and checks how it ended and what it logged."""
        if self._process is None:
            return
        allowed = self._allowed_codes()
        process, self._process = self._process, None
        try:
            code = process.stop(timeout=60 if self.valgrind else 15)
        except RigError:
            process.write_stacks(os.path.join(self.folder, self.name + ".stacks"))
            process.kill()
            raise
        assert code in allowed, "%s: exit code %d\n%s" % (
            self.name, code, tail(self.log))
        complaints = self.complaints() + self._memory_errors()
        assert not complaints, "%s logged:\n%s" % (self.name, complaints)

    def _memory_errors(self):
        """What valgrind found, in each process."""
        logs = glob.glob(os.path.join(self.folder, self.name + ".valgrind.*"))
        return "".join(log + "\n" + tail(log) for log in logs
                       if "ERROR SUMMARY: 0 " not in tail(log, 5))

    def _allowed_codes(self):
        # ims_dialog of 5.6.3, with and without our module, crashes at the end while
        # tm holds a transaction of a dialog: those get the time to go away.
        if "WITH_IMS_DIALOG" not in self.defines or not self.running:
            return (0,)
        try:
            wait_until(lambda: self.transactions() == 0, 2)
            return (0,)
        except RigError:
            return (0, -signal.SIGSEGV)

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process = None

    # -- log -----------------------------------------------------------------

    def expect_log(self, pattern):
        """A line at WARNING or above that this case provokes, or the start of one."""
        self.expected.append(pattern)

    def complaints(self):
        """The lines at WARNING or above that nobody expected."""
        allowed = re.compile("|".join(HARMLESS + self.expected))
        with open(self.log, errors="replace") as file:
            return "".join(line for line in file
                           if LEVELS.search(line) and not allowed.search(line))

    def log_lines(self, pattern):
        with open(self.log, errors="replace") as file:
            return [line for line in file if re.search(pattern, line)]

    # -- RPC -----------------------------------------------------------------

    def rpc(self, method, *params, timeout=10):
        """The result of an RPC; RpcFault when it is refused."""
        self._asked += 1
        request = {"jsonrpc": "2.0", "method": method, "params": list(params),
                   "id": self._asked}
        reply = json.loads(self._exchange(json.dumps(request), timeout))
        if "error" in reply:
            raise RpcFault(reply["error"]["code"], reply["error"]["message"])
        return reply.get("result")

    def fault(self, method, *params):
        """The code with which an RPC is refused; fails when it is not."""
        try:
            result = self.rpc(method, *params)
        except RpcFault as fault:
            return fault.code
        raise AssertionError("%s %s was not refused: %s" % (method, params, result))

    def _exchange(self, text, timeout):
        own = os.path.join(self.run_dir, "asker-%d" % self._asked)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.bind(own)
            try:
                sock.settimeout(timeout)
                sock.sendto(text.encode(), self.run_dir + "/kamailio_rpc.sock")
                return sock.recv(1 << 17).decode("utf-8", "surrogateescape")
            finally:
                os.unlink(own)

    def _answers(self):
        try:
            # a reply that nobody waits for any more would be an error in its log
            return self.rpc("core.version", timeout=30 if self.valgrind else 5)
        except OSError:
            return None

    def _complete(self):
        # A process that is told to end while it starts does not, in the core of 5.6.3;
        # tcp main starts last.
        started = "tcp main process" in self.rpc("core.ps")
        return started and all(map(asleep, children(self.pid)))

    def kamcmd(self, *words):
        """(exit code, output) of kamcmd, as an operator would type it."""
        done = subprocess.run(
            ["kamcmd", "-s", "unix:%s/kamailio_ctl" % self.run_dir, *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=10)
        return done.returncode, done.stdout

    def statistics(self, group="ims_release"):
        """Name -> value of a statistics group."""
        values = self.rpc("stats.fetchn", group + ":")
        return {name.partition(".")[2]: value for name, value in values.items()}

    @contextlib.contextmanager
    def paused(self, process="ims_release"):
        """One of its processes stands still meanwhile."""
        pid, = [entry["PID"] for entry in self.rpc("core.psx")
                if entry["DSC"] == process]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    # -- what must be empty --------------------------------------------------

    def dialogs(self):
        """The dialogs that the dialog module holds, whichever it is."""
        if "WITH_IMS_DIALOG" not in self.defines:
            return self.rpc("dlg.list") or []
        return [entry["Dialog"] for entry in self.rpc("dlg2.list")["Dialogs"]]

    def transactions(self):
        """How many transactions tm holds."""
        return int(self.rpc("tm.stats")["current"])

    def shared_memory(self, module="ims_release"):
        """Allocating function -> bytes of shared memory; needs args `-x qm`."""
        code, text = self.kamcmd("mod.stats", module, "shm")
        assert code == 0, text
        found = re.findall(r"(\S+\(\d+\)|Total): (\d+)", text)
        return {name: int(size) for name, size in found}
