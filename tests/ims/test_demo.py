# SPDX-License-Identifier: GPL-2.0-or-later
"""`make demo-ims`: it shows what it promises, and stops what it started."""

import os
import signal
import subprocess
import sys

from rig.case import ROOT
from rig.process import children, wait_until

NODES = ["Alice", "P-CSCF", "I-CSCF", "S-CSCF", "HSS", "AS", "Bob"]


def start():
    return subprocess.Popen(
        [sys.executable, os.path.join(ROOT, "tools", "demo_ims.py")],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_demo():
    """Twice, one after the other: both use build/demo-ims."""
    to_the_end()
    ended_from_outside()


def to_the_end():
    demo = start()
    output = demo.communicate(timeout=120)[0].decode()
    assert demo.returncode == 0, output
    heads = [line.split() for line in output.splitlines()]
    assert heads.count(NODES) == 3, "a ladder for each of its three steps"
    for label in "MAR", "SAR REGISTRATION", "LIR", "PRACK 2", "BYE 3":
        assert label in output
    assert output.count("✔") == 3


def ended_from_outside():
    demo = start()
    wait_until(lambda: len(children(demo.pid)) > 10, 30, "its nodes run")
    started = children(demo.pid)
    demo.send_signal(signal.SIGTERM)
    demo.communicate(timeout=60)
    assert demo.returncode != 0
    # what it could not wait for any more ends with it
    wait_until(lambda: not any(os.path.exists("/proc/%d" % pid) for pid in started),
               15, "what it started is gone")
