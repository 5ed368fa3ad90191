# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the tests in the IMS core: see README.md beside this file."""

import pathlib
import re
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
sys.path.insert(0, str(HERE))

from imscore.core import Core, CoreCase  # noqa: E402
from imscore.users import Session  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--keep", action="store_true",
                     help="keep build/ims/<case>/ of cases that passed, too")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed:
        item.failed_somewhere = True
        case = item.funcargs.get("case")
        if case is not None:
            report.sections.append(("capture, messages and logs", case.folder))


@pytest.fixture
def case(request):
    """The nodes' namespaces with a capture running; ended and checked afterwards."""
    name = request.node.nodeid.rpartition("/")[2].replace(".py::", "-")
    made = CoreCase(re.sub(r"[^\w.-]+", "-", name).strip("-"))
    yield made
    made.close()
    failed = getattr(request.node, "failed_somewhere", False)
    if not failed and not request.config.getoption("--keep"):
        made.forget()


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
