# SPDX-License-Identifier: GPL-2.0-or-later
"""A session is released between the 2xx and the ACK (RFC 3261 15).

The pair waits for the caller's ACK, which is relayed as ever, 64*T1 at most.
"""

import time

import pytest

from rig.network import TOPOLOGIES, BOTH_AS, CALLED, CALLING, CALLING_AS
from rig.pair import check_pair
from rig.raw import CAUSE, TAG, TEXT, Scene, drain

T1_MS = 50
SHORT = {"extra": 'modparam("tm", "retr_timer1", %d)\n' % T1_MS}


def answered_and_released(scene):
    scene.invite().ring().answer()
    assert scene.state() == "answered"
    scene.release()
    return scene.await_state("releasing")


def over(scene):
    """With so short a T1 our messages may have come twice."""
    drain((scene.callee, "INVITE"), (scene.callee, "BYE"), (scene.caller, "BYE"))
    scene.over()


def check_order(scene):
    """ACK before BYE at the callee, the caller's ACK before the BYE to it."""
    wire, topology = scene.wire(), scene.topology
    at_callee = [m.method for m in wire.requests(dst=topology.address("callee"))]
    assert at_callee == ["INVITE", "ACK", "BYE"]
    check_pair(wire, topology, scene.call_id, CAUSE, TEXT)
    return wire


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_waits_for_the_ack(network, topology):
    scene = answered_and_released(Scene(network(topology)))
    scene.callee.silent(0.15)
    scene.caller.silent(0.05)
    scene.confirm()
    scene.take_byes()
    scene.over()
    wire = check_order(scene)
    ack = wire.requests("ACK", src=topology.address("caller")).one()
    assert min(bye.time for bye in wire.requests("BYE")) > ack.time


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_no_ack(network, topology):
    """The S-CSCF makes the callee's ACK itself when the time is over."""
    scene = answered_and_released(Scene(network(topology, scscf=SHORT)))
    began = time.monotonic()
    scene.callee.receive("ACK", timeout=8)
    waited = time.monotonic() - began
    assert waited > 64 * T1_MS / 1000 - 0.2
    scene.take_byes()
    over(scene)
    wire = check_order(scene)
    ack = wire.requests("ACK", dst=topology.address("callee")).one()
    assert ack.cseq == scene.offered.cseq
    assert not wire.requests("ACK", src=topology.address("caller"))


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_retransmitted_answer(network, topology):
    """While we wait the callee's 2xx still reaches the caller."""
    scene = answered_and_released(Scene(network(topology)))
    for _ in range(2):
        scene.callee.answer(scene.offered, 200, TAG)
        scene.caller.receive(200)
    scene.confirm()
    scene.take_byes()
    scene.over()
    check_order(scene)


@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_ack_comes_late(network, topology):
    """After ours: it is let through, and changes nothing."""
    scene = answered_and_released(Scene(network(topology, scscf=SHORT)))
    scene.callee.receive("ACK", timeout=8)
    scene.call.acknowledge()
    scene.take_byes()
    scene.callee.receive("ACK")
    over(scene)
    assert scene.scscf.statistics()["byes_sent"] == 2


@pytest.mark.parametrize("topology", [CALLING, CALLING_AS], ids=str)
def test_requests_meanwhile(network, topology):
    """Whatever else is sent in the dialog is answered 481 by the S-CSCF."""
    scene = answered_and_released(Scene(network(topology)))
    for dialog, ua in ((scene.call, scene.caller), (scene.party, scene.callee)):
        for method in ("UPDATE", "BYE"):
            dialog.request(method)
            ua.receive(481)
    scene.confirm()
    scene.take_byes()
    scene.over()
    assert scene.scscf.statistics()["answered_481"] == 4


def test_second_trigger(network):
    scene = answered_and_released(Scene(network(CALLING)))
    scene.trigger_many(6)
    scene.confirm()
    scene.trigger_many(2)
    scene.take_byes()
    scene.over()
    check_order(scene)


@pytest.mark.parametrize("topology", [CALLING, CALLED, BOTH_AS], ids=str)
def test_ack_crosses_the_trigger(network, topology):
    """In either order: ACK, then one pair."""
    scene = Scene(network(topology))
    for n in range(30):
        scene.invite().ring().answer()
        steps = [scene.call.acknowledge, lambda: scene.trigger_many(1)]
        for step in steps[::(1, -1)[n % 2]]:
            step()
            time.sleep(n % 3 * 0.0003)
        scene.callee.receive("ACK")
        scene.take_byes()
    scene.nothing_left()
    scene.callee.silent(0.05)
    assert scene.scscf.statistics()["byes_2xx"] == 60
