# SPDX-License-Identifier: GPL-2.0-or-later
"""The dialog module ends a session by itself, or speaks in it: our record follows."""

import asyncio
import random
import time

import pytest

from rig.network import BOTH_AS, CALLED, CALLING
from rig.process import wait_until
from rig.raw import Scene, live_records, nothing_left
from rig.swarm import Call, run

LIFETIME = 2

# on whichever dialog module; ims_dialog has to be told before its dialog exists
TIMEOUT_BYE = {"defines": {"WITH_SITE_POLICY": True}, "extra": """
route[SITE_POLICY] {
	if(is_method("INVITE") && !has_totag()) {
		$dlg_ctx(timeout_bye) = 1;
	}
}
"""}
# what an INFO of a user makes the dialog module do
ON_INFO = """
route[SITE_POLICY] {
	if(is_method("INFO")) {
		%s;
	}
}
"""


def short_lived(net_host, more=None):
    """Settings with which a dialog lives two seconds."""
    more = dict(more or {})
    more["extra"] = more.get("extra", "") + \
        'modparam("%s", "default_timeout", %d)\n' % (net_host, LIFETIME)
    return more


def expect_expiry(scene):
    scene.scscf.expect_log("timeout for dlg with CallID")


def on_info(host, action):
    """Settings for `dialog` alone."""
    if host != "dialog":
        pytest.skip("ims_dialog has no such function")
    return {"defines": {"WITH_SITE_POLICY": True}, "extra": ON_INFO % action}


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_expires(network, host, topology):
    """No BYE of anybody with `dialog`; ims_dialog always sends its own pair."""
    scene = Scene(network(topology, scscf=short_lived(host))).connect()
    expect_expiry(scene)
    if host == "ims_dialog":
        for ua in (scene.caller, scene.callee):
            bye = ua.receive("BYE")
            ua.respond(bye, 200)
    wait_until(lambda: not live_records(scene.scscf), LIFETIME + 3)
    scene.over()
    statistics = scene.scscf.statistics()
    assert statistics["byes_sent"] == statistics["released"] == 0
    assert scene.scscf.fault("ims_release.show", "callid", scene.call_id) == 404


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_expires_with_bye(network, host, topology):
    """The pair is the dialog module's; ours would be a second one."""
    scene = Scene(network(topology, scscf=short_lived(host, TIMEOUT_BYE))).connect()
    expect_expiry(scene)
    for ua in (scene.caller, scene.callee):
        bye = ua.receive("BYE")
        assert not [line for line in bye.lines("Reason") if "Gone" in line]
        ua.respond(bye, 200)
    wait_until(lambda: not live_records(scene.scscf), LIFETIME + 3)
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 0


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_ended_by_command(network, host, topology):
    """dlg.end_dlg, dlg2.end_dlg."""
    scene = Scene(network(topology)).connect()
    dialog = scene.scscf.dialogs()[0]
    if host == "dialog":
        scene.scscf.rpc("dlg.end_dlg", dialog["h_entry"], dialog["h_id"])
    else:
        end_ims_dialog(scene)
    for ua in (scene.caller, scene.callee):
        ua.respond(ua.receive("BYE"), 200)
    wait_until(lambda: not live_records(scene.scscf))
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 0


def end_ims_dialog(scene):
    scene.scscf.rpc("dlg2.end_all_active_dlg")


def test_terminated_by_command(network, host):
    """dlg.terminate_dlg by Call-ID and tags."""
    if host != "dialog":
        pytest.skip("ims_dialog has no such command")
    scene = Scene(network(CALLED)).connect()
    scene.scscf.rpc("dlg.terminate_dlg", scene.call_id, "ua-caller", "callee-one")
    for ua in (scene.caller, scene.callee):
        ua.respond(ua.receive("BYE"), 200)
    wait_until(lambda: not live_records(scene.scscf))
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 0


def test_script_sends_byes(network, host):
    """dlg_bye("all") in the script."""
    scene = Scene(network(CALLING, scscf=on_info(host, 'dlg_bye("all")'))).connect()
    scene.call.request("INFO")
    for ua in (scene.caller, scene.callee):
        ua.respond(ua.receive("BYE"), 200)
    scene.callee.respond(scene.callee.receive("INFO"), 481)
    scene.caller.receive(481)
    wait_until(lambda: not live_records(scene.scscf))
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 0


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_script_sends_refer(network, host, side):
    """dlg_refer uses up a CSeq of the side for which it speaks: ours comes after it."""
    scene = Scene(network(CALLING, scscf=on_info(
        host, 'dlg_refer("%s", "sip:carol@ims.example")' % side))).connect()
    asked = getattr(scene, side)
    for _ in range(2):
        scene.call.request("INFO")
        scene.callee.respond(scene.callee.receive("INFO"), 200)
        scene.caller.receive(200)
        refer = asked.receive("REFER")
        asked.respond(refer, 403)
    time.sleep(0.1)
    shown = scene.scscf.rpc("ims_release.show", "callid", scene.call_id)
    speaker = "callee" if side == "caller" else "caller"
    assert shown[speaker]["cseq"] >= refer.cseq
    scene.release()
    to_callee, to_caller = scene.take_byes()
    bye = to_caller if side == "caller" else to_callee
    assert bye.cseq == shown[speaker]["cseq"] + 1 > refer.cseq
    scene.over()


@pytest.mark.parametrize("topology", [CALLING], ids=str)
def test_release_meets_expiry(network, host, topology):
    """At the same moment: each user is told, nobody twice by us, nothing is left."""
    net = network(topology, scscf=short_lived(host, TIMEOUT_BYE))
    net.scscf.expect_log("timeout for dlg with CallID")
    rng = random.Random(1)

    async def one(stations):
        call = await Call(net, stations).connect()
        connected = time.monotonic()
        told = {}
        for side in ("caller", "callee"):
            def policy(bye, side=side):
                told[side] = told.get(side, 0) + 1
                return (200 if told[side] == 1 else 481), []
            call.sides(side)[0].policy["BYE"] = policy
        wait = LIFETIME - 0.1 + rng.random() * 1.2
        await asyncio.sleep(wait - (time.monotonic() - connected))
        if call.call_id in {entry["callid"] for entry in live_records(net.scscf)}:
            try:
                net.scscf.rpc("ims_release.release", "callid", call.call_id, 503, "Gone")
            except Exception as fault:      # it was a moment too late
                assert "404" in str(fault), fault
        await asyncio.sleep(2)
        for phone in (call.caller, call.callee):
            byes = phone.requests("BYE")
            ours = [bye for bye in byes if "Gone" in (bye.get("Reason") or "")]
            assert byes and len(ours) <= 1, (call.call_id, byes)
        call.hang()

    async def all_of(stations):
        await asyncio.gather(*(one(stations) for _ in range(40)))
    run(net, all_of)
    nothing_left(net.scscf)


def test_lifetime_ends_while_releasing(network, host):
    """The users are slow to answer our BYEs, meanwhile the dialog expires."""
    scene = Scene(network(CALLING, scscf=short_lived(host, TIMEOUT_BYE)))
    expect_expiry(scene)
    scene.connect().release()
    ours = [(ua, ua.receive("BYE")) for ua in (scene.caller, scene.callee)]
    time.sleep(LIFETIME + 0.5)
    for ua, bye in ours:
        ua.respond(bye, 200)
    scene.report()
    scene.settle(lambda: not live_records(scene.scscf))
    scene.nothing_left(8)
