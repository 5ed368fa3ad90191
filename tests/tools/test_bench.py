# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark runs and gives numbers. What they are, only a full run tells."""

import re
import subprocess

import sipcap

RUN = sipcap.ROOT / "bench" / "run"


def bench(*arguments):
    return subprocess.run([RUN, *arguments], capture_output=True, text=True, timeout=180)


def number(text):
    return float(text.replace(",", ""))


def test_figures():
    done = bench("--quick", "--only", "memory,call")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["figure", "ours", "peer", "ratio", "goal", "reached"]
    rows = {}
    for line in lines[1:]:
        found = re.match(r"(.+?)  +([\d,.]+) +([\d,.]+) +([\d.]+)(?: +<= ([\d.]+) +"
                         r"(yes|NO))?$", line)
        if not found:
            break
        rows[found.group(1)] = found.groups()[1:]
    # each figure with both memory managers
    assert {name.rpartition(", ")[0] for name in rows} == {
        "instructions a call", "bytes of shared memory a session", "asked for"}
    assert len(rows) == 6
    for ours, peer, ratio, goal, reached in rows.values():
        assert abs(number(ours) / number(peer) - number(ratio)) < 0.01
        if goal:
            assert reached == ("yes" if number(ratio) <= number(goal) else "NO")
    # a call cannot cost less, a record not be smaller
    assert number(rows["instructions a call, tlsf"][0]) > 100000
    assert number(rows["asked for, tlsf"][0]) > 300
    # what misses its goal is explained by what it does
    if rows["instructions a call, tlsf"][-1] == "NO":
        assert re.search(r"(?m)^ +[\d,]+  irl_\w+$", done.stdout)


def test_unknown_figure():
    done = bench("--only", "call,nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr


def test_documents_are_of_a_full_run():
    done = bench("--write-docs", "--quick")
    assert done.returncode == 2
    assert "--write-docs" in done.stderr
