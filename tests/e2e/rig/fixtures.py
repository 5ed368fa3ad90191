# SPDX-License-Identifier: GPL-2.0-or-later
"""What the conftest of each suite of cases imports: how a case is made and ended."""

import re

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed:
        item.failed_somewhere = True
        case = item.funcargs.get("case")
        if case is not None:
            report.sections.append(("capture, messages and logs", case.folder))


@pytest.fixture
def case_of(request):
    """Makes the case of this test: case_of(Case); ended and checked after it."""
    made = []

    def make(kind, *args):
        name = request.node.nodeid.rpartition("/")[2].replace(".py::", "-")
        made.append(kind(re.sub(r"[^\w.-]+", "-", name).strip("-"), *args,
                         valgrind=request.config.getoption("--valgrind", False)))
        return made[-1]

    yield make
    for case in made:
        case.close()
        failed = getattr(request.node, "failed_somewhere", False)
        if not failed and not request.config.getoption("--keep"):
            case.forget()
