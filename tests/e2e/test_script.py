# SPDX-License-Identifier: GPL-2.0-or-later
"""What the routing script can do: the functions, natively and by KEMI."""

import os
import re
import shutil

import pytest

from rig.case import ROOT
from rig.network import BOTH_AS, CALLED_AS, CALLING, CALLING_AS
from rig.raw import Scene, check_reason
from rig.ua import Dialog, UserAgent, compose

OUTSIDER = "127.0.0.23"


def policy(lines):
    """The script with a site's policy in it, run before a request is relayed."""
    return {"defines": {"WITH_SITE_POLICY": True},
            "extra": "route[SITE_POLICY] {\n%s\n}\n" % lines}


def said(kamailio, what):
    """What xlog() or KSR.info() wrote behind that word."""
    return [re.search(what + r" (\S+)", line).group(1)
            for line in kamailio.log_lines(what + " ")]


@pytest.mark.parametrize("topology", [CALLING_AS, CALLED_AS], ids=str)
def test_release(network, topology):
    """ims_release() on a request of the session; what it returns otherwise."""
    net = network(topology, scscf=policy("""
        if(is_method("INFO")) {
            ims_release(99);
            xlog("L_INFO", "bad-cause $rc\\n");
            ims_release(403, "line\\r\\nX-Evil: 1");
            xlog("L_INFO", "bad-text $rc\\n");
            ims_release("403", "Barred");
            xlog("L_INFO", "rc-release $rc\\n");
            ims_release(403);
            xlog("L_INFO", "again $rc\\n");
        }"""))
    net.scscf.expect_log("cause is '99', allowed is 200 or 300 to 699")
    net.scscf.expect_log("text is 'line.x0d.x0aX-Evil: 1'")
    scene = Scene(net).connect()
    scene.call.request("INFO")
    for ua in (scene.callee, scene.caller):
        bye = ua.receive("BYE")
        check_reason(bye, 403, "Barred")
        ua.respond(bye, 200)
    net.empty()
    assert set(said(net.scscf, "bad-cause")) == {"-2"}
    assert set(said(net.scscf, "bad-text")) == {"-2"}
    assert said(net.scscf, "rc-release")[0] == "1"
    assert said(net.scscf, "again")[0] == "1"
    assert net.scscf.statistics()["byes_sent"] == 2


def test_release_of_no_session(network):
    net = network(CALLING, scscf=policy("""
        ims_release(403);
        xlog("L_INFO", "rc-release $rc\\n");
        ims_release_by("callid", "unknown", 403);
        xlog("L_INFO", "by-unknown $rc\\n");
        ims_release_by("color", "red", 403);
        xlog("L_INFO", "by-color $rc\\n");
        ims_release_serve("orig");
        xlog("L_INFO", "rc-served $rc\\n");"""))
    net.scscf.expect_log("ims_release_by: selector is none of")
    caller, callee = net.agent("caller"), net.agent("callee")
    dialog = Dialog(caller, "<%s>;tag=a" % net.topology.caller_impu,
                    "<%s>" % net.topology.called_impu, "options@test",
                    net.topology.called_impu, [], "<sip:ua@%s>" % caller.hostport)
    dialog.request("OPTIONS")
    callee.respond(callee.receive("OPTIONS"), 200, tag="b")
    caller.receive(200)
    assert said(net.scscf, "rc-release") == ["-1"]
    assert said(net.scscf, "by-unknown") == ["-1"]
    assert said(net.scscf, "by-color") == ["-2"]
    assert said(net.scscf, "rc-served") == ["-1"]


def test_release_by(network):
    """One call of a user ends the other calls of that user."""
    net = network(CALLING, scscf=policy("""
        if(is_method("INFO")) {
            ims_release_by("impu", "$fu", 403, "Barred");
            xlog("L_INFO", "by-impu $rc\\n");
        }"""))
    scene = Scene(net).connect()
    scene.call.request("INFO")
    scene.callee.respond(scene.callee.receive("INFO"), 200)
    for ua in (scene.callee, scene.caller):
        bye = ua.receive("BYE")
        check_reason(bye, 403, "Barred")
        ua.respond(bye, 200)
    net.empty()
    assert said(net.scscf, "by-impu") == ["1"]


OWN = """
    if(is_method("BYE")) {
        if(ims_release_is_own()) {
            xlog("L_INFO", "own yes\\n");
        } else {
            xlog("L_INFO", "own no\\n");
        }
    }"""


@pytest.mark.parametrize("topology", [CALLING, CALLING_AS, CALLED_AS, BOTH_AS], ids=str)
def test_is_own_on_every_pass(network, topology):
    net = network(topology, scscf=policy(OWN))
    scene = Scene(net).connect().release()
    scene.take_byes()
    net.empty()
    assert said(net.scscf, "own") == ["yes"] * topology.forward.count("scscf")


def test_imitations_are_not_own(network):
    """An outsider's BYE with all that can be known of ours, but our branch."""
    own = policy(OWN)
    own["extra"] += 'modparam("ims_release", "answer_481", 0)\n'
    net = network(CALLING, scscf=own)
    scene = Scene(net).connect().release()
    bye = scene.callee.receive("BYE")
    outsider = UserAgent(net.case, (OUTSIDER, 5060), net.address("scscf"))
    stale = re.sub("branch=z9hG4bK[^.]*", "branch=z9hG4bKffff", bye.get("Via"))
    for vias in ([outsider.via()], [outsider.via(), ("Via", stale)],
                 [outsider.via(), ("Via", bye.values("Via")[0])]):
        fields = [h for h in bye.headers if h[0] not in ("Via", "Content-Length")]
        route = [("Route", value)
                 for value in scene.call.routes]
        outsider.send(compose("BYE %s SIP/2.0" % bye.uri, vias + route + fields))
        scene.callee.respond(scene.callee.receive("BYE"), 481)
        outsider.receive(481)
    scene.callee.respond(bye, 200)
    scene.take_bye(scene.caller)
    net.empty()
    assert said(net.scscf, "own") == ["yes", "no", "no", "no"]


def test_script_that_does_not_ask(network):
    """serve() on every pass: `orig` keeps the first, `term` the last."""
    net = network(BOTH_AS)
    scene = Scene(net).connect()
    shown = net.scscf.rpc("ims_release.show", "callid", scene.call_id)
    assert shown["served"] == "both"
    assert shown["impu"] == net.topology.caller_impu
    scene.release()
    scene.take_byes()
    net.empty()


@pytest.fixture
def kemi(case):
    """The proxy of kemi.cfg, whose script is JavaScript."""
    script = os.path.join(case.folder, "kemi.js")
    shutil.copy(os.path.join(ROOT, "tests/e2e/cfg/kemi.js"), script)
    return case.kamailio("kemi", "tests/e2e/cfg/kemi.cfg", ["udp:127.0.0.1:5060"], substs={
        "IMS_RELEASE": ROOT + "/build/ims_release.so", "KEMI_SCRIPT": script}).start()


def test_kemi(case, kemi):
    kemi.expect_log("side is 'both', allowed is orig or term")
    kemi.expect_log("cause is '99'")
    kemi.expect_log("selector is none of")
    caller = UserAgent(case, ("127.0.0.21", 5060), ("127.0.0.1", 5060))
    callee = UserAgent(case, ("127.0.0.22", 5060), ("127.0.0.1", 5060))
    alice, bob = "sip:alice@ims.example", "sip:bob@127.0.0.22:5060"
    caller.invite(bob, alice, bob, call_id="none@kemi")
    callee.respond(callee.receive("INVITE"), 486, tag="busy")
    caller.receive(486)
    call = caller.invite(bob, alice, bob, call_id="kemi@test")
    callee.answer(callee.receive("INVITE"), 200, tag="bob")
    call.confirm(caller.receive(200))
    callee.receive("ACK")
    shown = kemi.rpc("ims_release.show", "callid", "kemi@test")
    assert shown["served"] == "orig" and shown["impu"] == "sip:kemi@ims.example"
    call.request("INFO")
    for ua in (callee, caller):
        bye = ua.receive("BYE")
        check_reason(bye, 403, "Barred")
        ua.respond(bye, 200)
    options = Dialog(caller, "<%s>;tag=o" % alice, "<%s>" % bob, "options@kemi", bob, [],
                     "<sip:ua@%s>" % caller.hostport)
    options.request("OPTIONS")
    caller.receive(200)
    assert said(kemi, "kemi serve")[:2] == ["1", "-1"]
    assert said(kemi, "kemi serve_user")[0] == "1"
    assert said(kemi, "kemi is_own")[0] in ("1", "true")
    assert said(kemi, "kemi release_text") == ["1", "-2"]
    assert said(kemi, "kemi release") == ["-1"]
    assert said(kemi, "kemi release_by") == ["-1"]
    assert said(kemi, "kemi release_by_text") == ["-2"]
