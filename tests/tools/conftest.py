# SPDX-License-Identifier: GPL-2.0-or-later
"""The tools are scripts in a folder of their own: make them importable."""

import os
import pathlib
import subprocess
import sys

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
GOLDEN = pathlib.Path(__file__).parent / "golden"
sys.path.insert(0, str(TOOLS))


@pytest.fixture
def tool():
    """Run a tool as a user would."""

    def run(name, *arguments):
        command = ["/usr/bin/python3", TOOLS / name, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    return run


@pytest.fixture
def golden():
    """Compare with a file; with WRITE_GOLDEN in the environment, write it anew."""

    def compare(name, text):
        path = GOLDEN / name
        if "WRITE_GOLDEN" in os.environ:
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
