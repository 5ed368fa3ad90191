# SPDX-License-Identifier: GPL-2.0-or-later
"""README's two commands, as a new user of a bare machine gives them."""

import subprocess

import pytest

from conftest import PROJECT, Root


@pytest.fixture(scope="module")
def root(release):
    """A bare root with a clone of what is committed."""
    root = Root(release, "fresh", new=True)
    root.build.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "-C", PROJECT, "bundle", "create", "-q",
                    root.build / "project.bundle", "HEAD"], check=True)
    root.run("apt-get update && apt-get install -y git make")
    root.run("git clone -q build/project.bundle /root/ims_release")
    return root


def test_demo(root):
    said = root.run("cd /root/ims_release && make demo 2>&1")
    assert "BYE" in said and 'text="Released by the operator"' in said


def test_test(root):
    said = root.run("cd /root/ims_release && make test 2>&1")
    assert said.splitlines()[-1].endswith(" passed, 0 failed")
