# SPDX-License-Identifier: GPL-2.0-or-later
"""A network of its own for each case: every case may use port 5060."""

import ctypes
import os
import subprocess
import threading
import socket as socketlib

CLONE_NEWNET = 0x40000000

# The holder keeps the namespaces alive. It ends when its standard input closes, so
# it outlives this process by nothing.
HOLDER = """
ip -batch - <<'END'
link set lo up
{addresses}
END
echo ready
exec cat >/dev/null
"""
IPV6_ADDRESSES = ["fd00::%d" % n for n in (1, 2, 5, 11, 12, 21, 22, 23)]

_libc = ctypes.CDLL("libc.so.6", use_errno=True)


class Namespace:
    """A network and a mount namespace: 127.0.0.0/8 and the fd00:: addresses above."""

    def __init__(self):
        lines = ["addr add %s/128 dev lo nodad" % a for a in IPV6_ADDRESSES]
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "unchanged",
             "sh", "-ec", HOLDER.format(addresses="\n".join(lines))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self._holder.stdout.readline() != b"ready\n":
            self.close()
            raise RuntimeError("no network namespace: are you root?")

    def _path(self, kind):
        return "/proc/%d/ns/%s" % (self._holder.pid, kind)

    def command(self, argv):
        """The command line that runs argv in here and ends it when we end."""
        return ["setpriv", "--pdeathsig", "TERM",
                "nsenter", "--net=" + self._path("net"),
                "--mount=" + self._path("mnt"),
                # in a chroot, a mount namespace alone would lead out of it
                "--root=/proc/%d/root" % self._holder.pid, "--", *map(str, argv)]

    def popen(self, argv, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(
            self.command(argv), start_new_session=True, **kwargs)

    def run(self, *argv, timeout=30):
        """Runs a command to its end; its output is what is returned."""
        return subprocess.run(
            self.command(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=timeout)

    def socket(self, family, kind, proto=0):
        """A socket that lives in here, for this process to use.

        A socket belongs to the namespace of the thread that made it.
        """
        made = []

        def make():
            with open(self._path("net")) as net:
                if _libc.setns(net.fileno(), CLONE_NEWNET) == 0:
                    made.append(socketlib.socket(family, kind, proto))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if not made:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return made[0]

    def close(self):
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait(10)
