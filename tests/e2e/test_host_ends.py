# SPDX-License-Identifier: GPL-2.0-or-later
"""The dialog module ends a session by itself, or speaks in it: our record follows."""

import asyncio
import os
import random
import time

import pytest

from rig.case import ROOT
from rig.network import BOTH_AS, CALLED, CALLING, Network
from rig.process import wait_until
from rig.raw import TAG, Scene, live_records, nothing_left
from rig.swarm import Call, run

LIFETIME = 2
KEEP_ALIVE = 30     # the least that `dialog` takes

# what a request of a user makes the dialog module do
ON_INVITE = """
route[SITE_POLICY] {
    if(is_method("INVITE") && !has_totag()) {
        %s;
    }
}
"""
ON_INFO = """
route[SITE_POLICY] {
    if(is_method("INFO")) {
        %s;
    }
}
"""


class Impatient(Network):
    """An S-CSCF whose dialogs expire, by a pair of BYEs of the dialog module or not."""

    def __init__(self, case, host, topology, timeout_bye=True):
        self._timeout_bye = timeout_bye
        super().__init__(case, host, topology, scscf={
            "extra": 'modparam("%s", "default_timeout", %d)\n' % (host, LIFETIME)})
        self.scscf.expect_log("timeout for dlg with CallID|dlg timeout - callid"
                              "|inconsistent dlg timer data")

    def _kamailio(self, name, config, **kwargs):
        if name == "scscf" and self._timeout_bye:
            config = self._with_timeout_bye(config)
        return super()._kamailio(name, config, **kwargs)

    def _with_timeout_bye(self, config):
        """The dialog module has to be told before it makes its record."""
        with open(os.path.join(ROOT, config)) as file:
            text = file.read()
        track = "route[TRACK_SESSION] {\n"
        assert track in text
        path = os.path.join(self.case.folder, "timeout-bye.cfg")
        with open(path, "w") as file:
            file.write(text.replace(track, track + "\t$dlg_ctx(timeout_bye) = 1;\n"))
        return path


def answer_theirs(scene, told=()):
    """Answers the dialog module's own pair (or one BYE), gently. With ims_dialog a quick answer to
    the first keeps the second from being sent, and two answers at the same time leave
    its dialog behind, deleted but referenced.
    """
    byes = [(ua, ua.receive("BYE")) for ua in told or (scene.caller, scene.callee)]
    for ua, bye in byes:
        assert "Gone" not in (bye.get("Reason") or "")
        ua.respond(bye, 200)
        time.sleep(0.05)


def on_info(action):
    return {"defines": {"WITH_SITE_POLICY": True}, "extra": ON_INFO % action}


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_expires(case, host, topology):
    """No BYE of anybody with `dialog`; ims_dialog always sends its own pair."""
    scene = Scene(Impatient(case, host, topology, False).start()).connect()
    if host == "ims_dialog":
        answer_theirs(scene)
    wait_until(lambda: not live_records(scene.scscf), LIFETIME + 3)
    scene.over()
    statistics = scene.scscf.statistics()
    assert statistics["byes_sent"] == statistics["released"] == 0
    assert scene.scscf.fault("ims_release.show", "callid", scene.call_id) == 404


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_expires_with_bye(case, host, topology):
    """The pair is the dialog module's; ours would be a second one."""
    scene = Scene(Impatient(case, host, topology).start()).connect()
    answer_theirs(scene)
    wait_until(lambda: not live_records(scene.scscf), LIFETIME + 3)
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 0


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_ended_by_command(network, host, topology):
    """dlg.end_dlg, or dlg2.end_all_active_dlg."""
    scene = Scene(network(topology)).connect()
    dialog = scene.scscf.dialogs()[0]
    if host == "dialog":
        scene.scscf.rpc("dlg.end_dlg", dialog["h_entry"], dialog["h_id"])
    else:
        scene.scscf.rpc("dlg2.end_all_active_dlg")
    answer_theirs(scene)
    wait_until(lambda: not live_records(scene.scscf))
    scene.over()
    assert scene.scscf.statistics()["byes_sent"] == 0


def ended_by_host(scene, host, *told):
    """By BYEs of the dialog module's, not of ours. ims_dialog's dlg2.end_dlg and
    dlg_terminate leave its dialog behind, deleted but referenced, without us as well.
    """
    answer_theirs(scene, told)
    nothing_left(scene.scscf, of=ours_to_end(host))
    for ua in (scene.caller, scene.callee):
        ua.silent(0.05)
    assert scene.scscf.statistics()["byes_sent"] == 0
    assert scene.scscf.fault("ims_release.show", "callid", scene.call_id) == 404


def test_terminated_by_command(network, host):
    """dlg.terminate_dlg by Call-ID and tags, or dlg2.end_dlg by what its list says."""
    scene = Scene(network(CALLED)).connect()
    if host == "dialog":
        scene.scscf.expect_log("Dialog is terminated callid")
        scene.scscf.rpc("dlg.terminate_dlg", scene.call_id, "ua-caller", TAG)
    else:
        dialog = scene.scscf.dialogs()[0]
        scene.scscf.rpc("dlg2.end_dlg", dialog["Entry"], dialog["Id"])
    ended_by_host(scene, host)


# `dialog` ends no session that is being established
@pytest.mark.only_host("ims_dialog")
def test_early_ended_by_command(network, host):
    """dlg2.end_dlg of a call that rings: 488 to the caller, a CANCEL to the callee."""
    scene = Scene(network(CALLING)).invite().ring()
    dialog = scene.scscf.dialogs()[0]
    scene.scscf.rpc("dlg2.end_dlg", dialog["Entry"], dialog["Id"])
    scene.call.acknowledge_failure(scene.caller.receive(488))
    cancel = scene.callee.receive("CANCEL")
    scene.callee.respond(cancel, 200, tag=TAG)
    scene.callee.respond(scene.offered, 487, tag=TAG)
    scene.callee.receive("ACK")
    nothing_left(scene.scscf, of=ours_to_end(host))
    assert scene.scscf.statistics()["released"] == 0
    assert scene.scscf.fault("ims_release.release", "callid", scene.call_id) == 404


@pytest.mark.only_host("dialog")
def test_early_end_that_is_refused(network):
    """dlg.end_dlg of a call that rings: `dialog` does nothing, the session goes on."""
    scene = Scene(network(CALLING)).invite().ring()
    scene.scscf.expect_log("terminating non-confirmed dialog")
    dialog = scene.scscf.dialogs()[0]
    scene.scscf.rpc("dlg.end_dlg", dialog["h_entry"], dialog["h_id"])
    assert scene.state() == "early"
    scene.answer().confirm().release()
    scene.take_byes()
    scene.over()


def test_script_sends_byes(network, host):
    """dlg_bye("all") in the script, or dlg_terminate("all")."""
    action = {"dialog": "dlg_bye", "ims_dialog": "dlg_terminate"}[host]
    scene = Scene(network(CALLING, scscf=on_info('%s("all")' % action))).connect()
    scene.call.request("INFO")
    scene.callee.respond(scene.callee.receive("INFO"), 481)
    scene.caller.receive(481)
    ended_by_host(scene, host)


@pytest.mark.parametrize("side", ["caller", "callee"])
def test_script_sends_one_bye(network, host, side):
    """dlg_bye, or dlg_terminate, of one side: its dialog is over, so our record is."""
    action = {"dialog": "dlg_bye", "ims_dialog": "dlg_terminate"}[host]
    scene = Scene(network(CALLING, scscf=on_info('%s("%s")' % (action, side)))).connect()
    scene.call.request("INFO")
    scene.callee.respond(scene.callee.receive("INFO"), 200)
    scene.caller.receive(200)
    ended_by_host(scene, host, scene.sides(side)[1])


# ims_dialog has no dlg_refer
@pytest.mark.only_host("dialog")
@pytest.mark.parametrize("side", ["caller", "callee"])
def test_script_sends_refer(network, side):
    """dlg_refer's REFER, and the BYE to that user with which it follows the answer,
    use up CSeqs of the side for which they speak: ours comes after them.
    """
    scene = Scene(network(CALLING, scscf=on_info(
        'dlg_refer("%s", "sip:carol@ims.example")' % side))).connect()
    asked = scene.sides(side)[2]
    scene.within("caller", "INFO")
    asked.respond(asked.receive("REFER"), 403)
    bye = asked.receive("BYE")
    assert not bye.lines("Reason")
    asked.respond(bye, 481)
    shown = scene.scscf.rpc("ims_release.show", "callid", scene.call_id)
    assert (shown["state"], shown[side]["cseq"]) == ("confirmed", bye.cseq)
    scene.release()
    ours = scene.take_byes()[0 if side == "caller" else 1]
    assert ours.cseq == bye.cseq + 1
    scene.over()


# ims_dialog sends no keep-alives
@pytest.mark.only_host("dialog")
def test_keep_alive(network):
    """Its OPTIONS to both users, half a minute after the call began: it takes no CSeq
    of its own for them, and ours are above what it took.
    """
    net = network(CALLING, scscf={
        "defines": {"WITH_SITE_POLICY": True},
        "extra": 'modparam("dialog", "ka_timer", 1)\n'
                 'modparam("dialog", "ka_interval", %d)\n' % KEEP_ALIVE + ON_INVITE % (
                     'dlg_set_property("ka-src");dlg_set_property("ka-dst")')})
    scene = Scene(net).connect().within("callee", "INFO")
    sides = scene.callee, scene.caller
    asked = [ua.receive("OPTIONS", KEEP_ALIVE + 3) for ua in sides]
    for ua, options in zip(sides, asked):
        ua.respond(options, 200)
    scene.within("caller", "INFO")
    numbers = scene.call.cseq, scene.party.cseq
    assert all(options.cseq <= cseq for options, cseq in zip(asked, numbers))
    byes = scene.release().take_byes()
    assert [bye.cseq for bye in byes] == [cseq + 1 for cseq in numbers]
    scene.over()


@pytest.mark.parametrize("topology", [CALLING], ids=str)
def test_release_meets_expiry(case, host, topology):
    """At the same moment: each user is told, nobody twice by us, nothing is left."""
    net = Impatient(case, host, topology).start()
    rng = random.Random(1)

    async def one(stations):
        call = await Call(net, stations).connect()
        connected = time.monotonic()
        for phone in (call.caller, call.callee):
            phone.policy["BYE"] = gently(phone)
        wait = LIFETIME - 0.1 + rng.random() * 1.2
        await asyncio.sleep(wait - (time.monotonic() - connected))
        if call.call_id in {entry["callid"] for entry in live_records(net.scscf)}:
            try:
                net.scscf.rpc(
                    "ims_release.release", "callid", call.call_id, 503, "Gone")
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
    nothing_left(net.scscf, of=ours_to_end(host))


def gently(phone):
    """Answers BYEs, later: see answer_theirs()."""
    loop = asyncio.get_running_loop()

    def policy(bye):
        code = 200 if len(phone.requests("BYE")) == 1 else 481
        loop.call_later(0.1, phone.respond, bye, code)
    return policy


def ours_to_end(host):
    """What must be gone, whatever the dialog module does with its own."""
    if host == "dialog":
        return None
    return "sessions", "releasing", "records", "transactions"


def test_lifetime_ends_while_releasing(case, host):
    """The users are slow to answer our BYEs, meanwhile the dialog expires."""
    scene = Scene(Impatient(case, host, CALLING).start())
    scene.connect().release()
    ours = [(ua, ua.receive("BYE")) for ua in (scene.caller, scene.callee)]
    time.sleep(LIFETIME + 0.5)
    for ua, bye in ours:
        ua.respond(bye, 200)
    scene.report()
    scene.settle(lambda: not live_records(scene.scscf))
    nothing_left(scene.scscf, 8, ours_to_end(host))
