# SPDX-License-Identifier: GPL-2.0-or-later
"""Each flow, not released, and released at each of its points."""

import pytest

from flow.check import got
from flow.model import stops_of
from flow.run import Run
from flow.table import read
from flow.wire import normalized

FLOWS = read()
STOPS = [stop for flow in FLOWS for stop in stops_of(flow)]


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_not_released(network, flow, record_property):
    """The module changes nothing on the wire."""
    with_module = Run(network, flow).play()
    without = Run(network, flow, module=False).play()
    assert normalized(with_module.wire(), with_module.names()) \
        == normalized(without.wire(), without.names())
    record_property("row", ["", "", "all messages as without the module"])


@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_released(network, stop, record_property):
    """Each party that has a dialog gets what is right, nobody else anything."""
    run = Run(network, stop.flow, stop).play()
    record_property("row", [
        stop.point, stop.session.name,
        "; ".join("%s: %s" % (p, got(stop, p)) for p in run.parties)])
