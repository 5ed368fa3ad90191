# SPDX-License-Identifier: GPL-2.0-or-later
"""Flows: the S-CSCFs that carry them, and the table of what each party got."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
sys.path.insert(0, str(HERE))

from flow import report  # noqa: E402
from flow.network import Network  # noqa: E402

HOSTS = ["dialog", "ims_dialog"]


def pytest_addoption(parser):
    parser.addoption("--host", choices=HOSTS + ["both"], default="both",
                     help="the dialog module that the S-CSCF runs")


def pytest_configure(config):
    config.addinivalue_line("markers", "xdist_group: one worker for each dialog module")
    config.pluginmanager.register(report.Report(config), "flows")


def pytest_generate_tests(metafunc):
    if "host" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--host")
        hosts = HOSTS if chosen == "both" else [chosen]
        metafunc.parametrize(
            "host", [pytest.param(h, marks=pytest.mark.xdist_group(h)) for h in hosts],
            scope="session")


@pytest.fixture(scope="session")
def network(request, host):
    """Both S-CSCFs of one dialog module, for all flows."""
    made = Network(host)
    try:
        yield made.start()
        made.check_empty()
    finally:
        made.case.close()
    if not request.session.testsfailed:
        made.case.forget()
