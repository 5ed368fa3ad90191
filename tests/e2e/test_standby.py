# SPDX-License-Identifier: GPL-2.0-or-later
"""Two nodes: the standby has the sessions, and releases them when it is told to."""

import time

import pytest

from rig.kamailio import RpcFault
from rig.network import CALLING, Network
from rig.process import wait_until
from rig.raw import Scene
from rig.standby import A, B, node, standby_of


def has(scscf, call_id, **values):
    try:
        shown = scscf.rpc("ims_release.show", "callid", call_id)
    except RpcFault:
        return not values and None
    return all(shown.get(name) == value for name, value in values.items())


@pytest.fixture
def nodes(case, host):
    """(network, standby), both up and in touch."""
    def start(topology=CALLING):
        net = Network(case, host, topology, scscf=node(A, B))
        net.start()
        standby = standby_of(net).start()
        return net, standby
    return start


def test_takeover(nodes):
    net, standby = nodes()
    scene = Scene(net).connect()
    wait_until(lambda: has(standby, scene.call_id, state="confirmed", owner=A), 5,
               "the standby has it")
    scene.within("caller", "INFO")
    cseq = scene.call.cseq
    wait_until(lambda: standby.rpc("ims_release.show", "callid", scene.call_id)[
        "caller"]["cseq"] == cseq, 2, "the standby follows")
    # not its own yet
    assert standby.fault("ims_release.release", "callid", scene.call_id) == 404
    assert standby.rpc("ims_release.release", "all", "*")["matched"] == 0
    net.scscf.kill()
    standby.expect_log("jsonrpc_scan.*field is not a number to auto-convert")
    for wrong in (None, True, [A], {"node": A}):
        assert standby.fault("ims_release.takeover", wrong) == 400
    assert standby.fault("ims_release.takeover") == 400
    status, text = standby.kamcmd("ims_release.takeover", "1.5")
    assert "error: 400 - node is neither text nor a whole number" in text
    assert standby.rpc("ims_release.takeover", A) == {"sessions": 1}
    assert has(standby, scene.call_id, state="confirmed")
    assert "owner" not in standby.rpc("ims_release.show", "callid", scene.call_id)


def test_ended_there(nodes):
    net, standby = nodes()
    scene = Scene(net).connect()
    wait_until(lambda: has(standby, scene.call_id, owner=A), 5, "it is there")
    scene.release()
    scene.take_byes()
    scene.report()
    wait_until(lambda: not standby.statistics()["sessions"], 2, "it is gone there")


def test_start_later(nodes, case, host):
    net = Network(case, host, CALLING, scscf=node(A, B)).start()
    scene = Scene(net).connect()
    time.sleep(0.3)
    standby = standby_of(net).start()
    wait_until(lambda: has(standby, scene.call_id, owner=A), 8, "it asked for it")
