# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests in root folders of Debian releases, see tools/root.sh."""

import pathlib
import subprocess

import pytest

PROJECT = pathlib.Path(__file__).resolve().parents[2]
RELEASES = ["debian12", "debian13"]


class Root:
    """A root of a release. Its folders are seen from here, too."""

    def __init__(self, release, name, new=False):
        self.release, self.name = release, name
        self.build = PROJECT / "build" / release
        self._new = ["--new"] if new else []

    def run(self, script, *args, code=0):
        """Runs a script of bash; fails if it ends with another code.

        The value is what it wrote.
        """
        done = subprocess.run(
            [PROJECT / "tools/root.sh", *self._new, self.release, self.name,
             "bash", "-euo", "pipefail", "-c", script, "bash", *map(str, args)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=1500)
        self._new = []
        assert done.returncode == code, "%s\ncode %d\n%s" % (
            script, done.returncode, done.stdout[-4000:])
        return done.stdout

    def deps(self, *groups):
        """Installs what the groups of tools/deps.sh name."""
        self.run('tools/deps.sh "$@"', *groups)


@pytest.fixture(scope="module", params=RELEASES)
def release(request):
    return request.param
