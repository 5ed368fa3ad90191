# SPDX-License-Identifier: GPL-2.0-or-later
"""A program in a terminal: what is on its screen, and keys for it.

    top = Terminal(case, [TOP, "-s", path])
    top.wait("sessions 3")
    top.type("q")
    assert top.exit_code() == 0
"""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

import pyte

from .process import RigError

KEYS = {"Up": "\x1bOA", "Down": "\x1bOB", "PageUp": "\x1b[5~", "PageDown": "\x1b[6~",
        "Enter": "\r", "Escape": "\x1b", "Tab": "\t", "Backspace": "\x7f"}

# What readline, which pytest has loaded, says of the size is of another terminal.
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if name not in ("LINES", "COLUMNS")}


class Terminal:
    """columns x lines, emulated; the program runs in the case's namespace."""

    def __init__(self, case, argv, columns=80, lines=24, env=None):
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            size(0, columns, lines)
            signal.signal(signal.SIGINT, signal.SIG_DFL)    # else as of `make test &`
            words = case.ns.command(argv) if case else argv
            os.execvpe(words[0], list(map(str, words)), {
                **ENVIRONMENT, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})})
        self._code, self.written = None, b""
        if case:
            case.add(self)

    @property
    def text(self):
        """What is on the screen now."""
        self._take(0)
        return "\n".join(line.rstrip() for line in self._screen.display)

    def wait(self, what, timeout=8):
        """Until a text is on the screen, or what(text of the screen) is true."""
        end = time.monotonic() + timeout
        seen = what if callable(what) else lambda text: what in text
        while not (seen(self.text) and self._settled() and seen(self.text)):
            if time.monotonic() > end:
                raise RigError("not within %g s: %s\n%s" % (timeout, what, self.text))
            self._take(0.05)
        return self.text

    def type(self, *keys):
        for key in keys:
            os.write(self._fd, KEYS.get(key, key).encode())

    def resize(self, columns, lines):
        self._screen.resize(lines, columns)
        size(self._fd, columns, lines)

    def exit_code(self, timeout=5):
        """Until it has ended by itself; negative for a signal."""
        end = time.monotonic() + timeout
        while self._code is None:
            self._take(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise RigError("it still runs\n" + self.text)
        return self._code

    def kill(self, number=signal.SIGKILL):
        """Ends it, if it has not ended."""
        if self._code is None:
            os.kill(self.pid, number)
            self.exit_code()

    def close(self):
        """The terminal is gone."""
        os.close(self._fd)
        self._fd = None

    def _settled(self):
        """The rest of what it is drawing has come."""
        while self._take(0.03):
            pass
        return True

    def _take(self, timeout):
        """What it has written meanwhile: whether there was anything."""
        before = len(self.written)
        while self._fd is not None and select.select([self._fd], [], [], timeout)[0]:
            timeout = 0
            try:
                data = os.read(self._fd, 1 << 16)
            except OSError:
                break       # it has ended
            self.written += data
            self._stream.feed(data)
        return len(self.written) > before


def size(fd, columns, lines):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
