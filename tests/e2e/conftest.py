# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the end-to-end tests: see README.md beside this file."""

import pytest

from rig.case import Case
from rig.database import KINDS, Database
from rig.fixtures import case_of, pytest_runtest_makereport  # noqa: F401
from rig.mariadb import MariaDb
from rig.network import CALLING, Network

HOSTS = ["dialog", "ims_dialog"]


def pytest_addoption(parser):
    group = parser.getgroup("ims_release")
    group.addoption("--host", choices=HOSTS + ["both"], default="both",
                    help="the dialog module that the S-CSCF runs")
    group.addoption("--valgrind", action="store_true",
                    help="the S-CSCF runs under valgrind")
    group.addoption("--keep", action="store_true",
                    help="keep build/e2e/<case>/ of cases that passed, too")


def pytest_generate_tests(metafunc):
    if "host" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--host")
        metafunc.parametrize("host", HOSTS if chosen == "both" else [chosen])


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "only_host(name): what the other dialog module does not have")


def pytest_collection_modifyitems(config, items):
    """A case of one dialog module is none with the other: not collected, not skipped."""
    def has_sense(item):
        mark = item.get_closest_marker("only_host")
        return mark is None or "host" not in item.fixturenames \
            or item.callspec.params["host"] in mark.args
    without = [item for item in items if not has_sense(item)]
    config.hook.pytest_deselected(items=without)
    items[:] = filter(has_sense, items)


def pytest_terminal_summary(terminalreporter):
    """What replays the random runs, whether they passed or failed."""
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    terminalreporter.write_line(
                        "%s %s: %s" % (report.nodeid, name, value))


@pytest.fixture
def case(case_of):  # noqa: F811
    """A namespace with a capture running."""
    return case_of(Case)


@pytest.fixture
def network(case, host):
    """Brings a topology up: network(BOTH_AS, scscf={...}) -> Network."""
    def start(topology=CALLING, **kwargs):
        return Network(case, host, topology, **kwargs).start()
    return start


@pytest.fixture(scope="session")
def mariadb():
    """The MariaDB server of this run, started when the first case asks for it."""
    server = MariaDb()
    yield server
    server.stop()


@pytest.fixture(params=KINDS)
def database(request, case):
    """Makes the database of a case: database(delay=0).scscf starts the S-CSCF with it."""
    def make(**kwargs):
        server = request.getfixturevalue("mariadb") if request.param == "mysql" else None
        return Database(request.param, case, server, **kwargs)
    make.kind = request.param
    return make
