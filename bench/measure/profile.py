# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions that each process of an S-CSCF executes, counted by callgrind."""

import collections
import glob
import os
import re
import subprocess

from rig.kamailio import Kamailio

# What a Kamailio calls its processes, in core.ps.
WORKERS, RELEASING = r"^udp receiver", r"^ims_release"
RPC = r"datagram|ctl handler|JSONRPC"

FUNCTION = re.compile(
    r"^ *([\d,]+) \([^)]*\)  (?:\S+:)?(\S+?)(?:'\d+)?(?: \[(.*)\])?$", re.M)


class Profiled(Kamailio):
    """A Kamailio under callgrind. It counts nothing until `count`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, valgrind=True, **kwargs)

    def _command(self, path):
        self.valgrind = False
        command = super()._command(path)
        self.valgrind = True
        return ["valgrind", "--tool=callgrind", "--trace-children=yes", "-q",
                "--callgrind-out-file=%s/callgrind.%%p" % self.folder,
                *map(str, command)]

    def processes(self, pattern):
        """The ids of the processes that are called so."""
        listed = self.rpc("core.ps", timeout=60)
        return [pid for pid, name in zip(listed[::2], listed[1::2])
                if re.search(pattern, name, re.I)]

    def count(self, actions, pattern):
        """What those processes execute during actions()."""
        pids = self.processes(pattern)
        for pid in pids:
            _monitor(pid, "zero")
        actions()
        for pid in pids:
            _monitor(pid, "dump")
        return Profile([self._newest(pid) for pid in pids])

    def _newest(self, pid):
        files = glob.glob("%s/callgrind.%d.*" % (self.folder, pid))
        return max(files, key=lambda path: int(path.rpartition(".")[2]))


def _monitor(pid, command):
    subprocess.run(["vgdb", "--pid=%d" % pid, *command.split()], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=60)


class Profile:
    """Dumps of some processes, together."""

    def __init__(self, paths):
        self.paths = paths

    @property
    def total(self):
        return sum(int(re.search(r"(?m)^(?:totals|summary): (\d+)", text).group(1))
                   for text in map(_read, self.paths))

    def functions(self, inclusive, within=""):
        """Function -> instructions, by itself or with what it calls.

        within    what the name of its object file ends with
        """
        found = collections.Counter()
        for path in self.paths:
            here = collections.Counter()
            text = subprocess.run(
                ["callgrind_annotate", "--threshold=100", "--show-percs=yes",
                 "--inclusive=" + ("yes" if inclusive else "no"), path],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                cwd=os.path.dirname(path)).stdout
            for number, name, file in FUNCTION.findall(text):
                number = int(number.replace(",", ""))
                if file.endswith(within):
                    # of a recursion, the outermost
                    here[name] = max(here[name], number) if inclusive else \
                        here[name] + number
            found += here
        return found

    def top(self, times, within="", most=20):
        """(instructions with what it calls, function) of the heaviest, per time."""
        # what all else is called from says nothing
        limit = 0.9 * self.total
        return [(number / times, name) for name, number
                in self.functions(True, within).most_common()
                if number < limit and not name.startswith("0x")][:most]


def _read(path):
    with open(path) as file:
        return file.read()
