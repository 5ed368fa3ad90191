# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the tests in the IMS core: see README.md beside this file."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
sys.path.insert(0, str(HERE))

from imscore.core import Core, CoreCase  # noqa: E402
from imscore.users import Session  # noqa: E402
from rig.fixtures import case_of, pytest_runtest_makereport  # noqa: E402, F401


def pytest_addoption(parser):
    parser.addoption("--keep", action="store_true",
                     help="keep build/ims/<case>/ of cases that passed, too")


@pytest.fixture
def case(case_of):  # noqa: F811
    """The nodes' namespaces with a capture running."""
    return case_of(CoreCase)


@pytest.fixture
def core(case):
    """Starts a core: core(servers, scscf="...") -> Core."""
    def start(servers=(), **kwargs):
        return Core(case, servers, **kwargs).start()
    return start


@pytest.fixture
def session(core):
    """A core with its users on a way, registered: session(WAY) -> Session."""
    def start(way, **kwargs):
        started = core(way.servers, **kwargs)
        started.serve("alice", way.orig, "orig")
        started.serve("bob", way.term, "term")
        return Session(started, way).register()
    return start
