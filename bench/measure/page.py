# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/benchmark.md: the table of a run, how each figure is measured, and where."""

import datetime
import importlib
import os
import re
import subprocess

from rig.case import ROOT

from .table import HEAD, number

INTRO = """# Benchmark

Made by `make bench BENCH=--write-docs`: in one run on one machine, each figure with its peer's. Of
figures that are timed each is the median of several runs, ours and the peer's in turn. Times of a
machine with so few processors include the user agents', which share them.

"""


def machine():
    """(what, which) of the machine and the programs, when the run starts."""
    cpu = re.search(r"model name\s*: (.*)", _file("/proc/cpuinfo"))
    memory = int(re.search(r"MemTotal:\s*(\d+)", _file("/proc/meminfo")).group(1))
    return [
        ("date", datetime.date.today().isoformat()),
        ("processors", "%d, %s" % (os.cpu_count(), cpu.group(1) if cpu else "?")),
        ("memory", "%d GB" % (memory >> 20)),
        ("load average at the start", "%.1f" % os.getloadavg()[0]),
        ("kernel", os.uname().release),
        ("Kamailio", _first(["kamailio", "-v"], r"kamailio (\S+)")),
        ("SIPp", _first(["sipp", "-v"], r"SIPp (v[\d.]+)")),
        ("valgrind", _first(["valgrind", "--version"], r"valgrind-(\S+)")),
        ("commit", _first(["git", "-C", ROOT, "describe", "--always", "--dirty"],
                          r"(\S+)")),
    ]


def _file(path):
    with open(path) as file:
        return file.read()


def _first(command, pattern):
    try:
        text = subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    except OSError:
        return "?"
    found = re.search(pattern, text)
    return found.group(1) if found else "?"


def _table(head, lines):
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    for cells in lines:
        yield "| " + " | ".join(cells) + " |"


def _section(figure, table):
    docstring = importlib.import_module("measure." + figure).__doc__
    title, _, text = docstring.strip().partition("\n")
    yield "\n## " + title.rstrip(".") + "\n"
    yield "`make bench BENCH='--only %s'`\n" % figure
    yield text.strip() + "\n" if text.strip() else ""
    yield from _table(HEAD, (row.cells() for row in table.rows[figure]))
    for title, lines in table.profiles[figure]:
        yield "\n%s\n\n```" % title
        yield from ("%12s  %s" % (number(count), name) for count, name in lines)
        yield "```"


def write(path, table, facts):
    lines = [INTRO + "| | |\n|---|---|"]
    lines += ["| %s | %s |" % fact for fact in facts]
    for figure in table.figures:
        lines += _section(figure, table)
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
