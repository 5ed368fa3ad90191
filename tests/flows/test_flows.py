# SPDX-License-Identifier: GPL-2.0-or-later
"""Each flow, not released, and released at each of its points."""

import pytest

import generate
from flow.model import stops_of
from flow.report import name
from flow.run import play
from flow.table import read
from flow.wire import normalized

# Who hears nothing from anyone keeps his dialog longest: first, so that it ends first.
FLOWS = sorted(read(), key=lambda flow: not flow.silent)
STOPS = [stop for flow in FLOWS for stop in stops_of(flow)]


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_not_released(network, flow, record_property):
    """The module changes nothing on the wire."""
    record_property("row", name(flow, None))
    with_module = play(network, flow)
    without = play(network, flow, module=False)
    assert normalized(with_module.wire(), with_module.names()) \
        == normalized(without.wire(), without.names())


@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_released(network, stop, record_property):
    """Each party that has a dialog gets what is right, nobody else anything."""
    record_property("row", name(stop.flow, stop))
    play(network, stop.flow, stop)


def test_scenarios_are_generated():
    """What is in sipp-scenarios/ is what tests/flows/generate.py makes."""
    assert generate.committed() == generate.files()


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_table_has_an_order(flow):
    """Who sends has just heard or sent something, or waits: else all race."""
    last = None
    for step in flow.steps:
        assert last is None or "P" in (step.src, step.dst) or "later" in step.words \
            or step.src in (last.src, last.dst), step
        if step.dst != "P":
            last = step
