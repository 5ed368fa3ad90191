# SPDX-License-Identifier: GPL-2.0-or-later
"""What cfg/ does at a release: a line of JSON for each, headers of the BYEs."""

import json
import os
import re
import time

import pytest

from rig.case import ROOT
from rig.network import BOTH, BOTH_AS, CALLED_AS, CALLING, CALLING_AS, HOME
from rig.pair import check_pair
from rig.process import wait_until
from rig.raw import CAUSE, TEXT, Scene
from rig.variant import OTHERS_COMPLAIN

NAMES = ["event", "at", "callid", "icid", "served", "impu", "by", "job", "cause",
         "text", "result", "caller", "callee"]


def accounting(network, topology=CALLING, extra=""):
    return network(topology, scscf={
        "defines": {"WITH_ACCOUNTING": True}, "extra": extra})


def accounts(net, count=1):
    """The lines of so many releases, no more, in the order in which they ended."""
    def lines():
        return net.scscf.log_lines(r"NOTICE: <script>: \{")
    wait_until(lambda: len(lines()) >= count, 5, "%d accounting lines" % count)
    found = [json.loads(line[line.index("{"):]) for line in lines()]
    assert len(found) == count, found
    for entry in found:
        assert list(entry) == NAMES and entry["event"] == "release"
        at = time.strptime(entry["at"], "%Y-%m-%dT%H:%M:%SZ")
        assert abs(time.mktime(at) - time.timezone - time.time()) < 60
    return found


def charged(icid):
    return [("P-Charging-Vector", "icid-value=" + icid)]


def test_line_shown_in_operations():
    with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
        text = file.read()
    line, = re.findall(r"```json\n(.*)\n```", text)
    assert list(json.loads(line)) == NAMES
    table = text.partition("```json")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| (`.*?) \|", table)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) | {"event"} == set(NAMES)


@pytest.mark.parametrize("codes, result", [((200, 481), "released"),
                                           ((200, 403), "failed")])
@pytest.mark.parametrize("topology", [CALLING, CALLED_AS], ids=str)
def test_job(network, topology, codes, result):
    """Released and failed, by an operator: who, why, when, both outcomes."""
    net = accounting(network, topology)
    scene = Scene(net).invite(headers=charged("icid-7")).answer().confirm().release()
    for ua, code in zip((scene.callee, scene.caller), codes):
        scene.take_bye(ua, code)
    entry, = accounts(net)
    del entry["at"]
    orig = topology.caller_served
    assert entry == {
        "event": "release", "callid": scene.call_id, "icid": "icid-7",
        "served": "orig" if orig else "term",
        "impu": topology.caller_impu if orig else topology.called_impu,
        "by": "job", "job": scene.job, "cause": CAUSE, "text": TEXT, "result": result,
        "caller": codes[1], "callee": codes[0]}


def test_early(network):
    """Nobody got a BYE: the codes are 0."""
    net = accounting(network, BOTH)
    scene = Scene(net).invite().ring().release()
    scene.refused()
    scene.cancelled()
    entry, = accounts(net)
    assert (entry["callid"], entry["served"], entry["result"], entry["caller"],
            entry["callee"], entry["icid"]) \
        == (scene.call_id, "both", "released", 0, 0, "")


def test_script(network):
    """By ims_release() in the script: no job."""
    net = network(CALLING, scscf={
        "defines": {"WITH_ACCOUNTING": True, "WITH_SITE_POLICY": True},
        "extra": 'route[SITE_POLICY] { if(is_method("INFO"))'
                 ' { ims_release(402, "Credit is used up"); } }\n'})
    scene = Scene(net).connect()
    scene.call.request("INFO")
    for ua in (scene.callee, scene.caller):
        ua.respond(ua.receive("BYE"), 200)
    entry, = accounts(net)
    assert (entry["by"], entry["job"], entry["cause"], entry["text"], entry["caller"],
            entry["callee"]) == ("script", 0, 402, "Credit is used up", 200, 200)


HOSTILE = [
    'say "no"', "back\\slash", "it's", "\\'", '\\"', "\\\\'", "'\"\\", "\\", "\\0",
    '"}', "$var(x) %s $", "{s.len}", "Grüße, 世界 🙂", "\u2028\u2029", "é" * 64,
    '"' * 128, "\\" * 128, "'" * 128, "",
]


def released(net, scene, text=TEXT):
    """Set up, released, both BYEs answered."""
    scene.answer().confirm()
    net.scscf.rpc("ims_release.release", "state", "confirmed", CAUSE, text)
    for ua in (scene.callee, scene.caller):
        ua.respond(ua.receive("BYE"), 200)
        ua.kill()


def test_hostile_text(network):
    """Whatever an operator may say comes back as it was said."""
    net = accounting(network)
    for number, text in enumerate(HOSTILE):
        released(net, Scene(net).invite(), text)
        assert accounts(net, number + 1)[-1]["text"] == text


def hexadecimal(raw):
    return "hex:" + raw.hex()


SENT = [
    # what a user's INVITE says, how it is accounted for
    ('a"b\\c\'d', 'a"b\\c\'d'),
    ("\\'", "\\'"),
    ("%22}{s.len}$ru", "%22}{s.len}$ru"),
    ("tab\there", hexadecimal(b"tab\there")),
    ("\x01\x1f\x7f", hexadecimal(b"\x01\x1f\x7f")),
    ("nul\0here", hexadecimal(b"nul\0here")),
    ("Jürgen", hexadecimal("Jürgen".encode())),
    ("\udcff\udcfe", hexadecimal(b"\xff\xfe")),
    ("long" * 3000 + '"', "long" * 3000 + '"'),
    ("ü" * 6000, hexadecimal("ü".encode() * 6000)),
]


def test_hostile_peer(network):
    """Whatever a user may send as Call-ID, identity and charging identifier."""
    net = accounting(network)
    net.scscf.expect_log(OTHERS_COMPLAIN)
    for number, (sent, shown) in enumerate(SENT):
        released(net, Scene(net).invite(call_id=sent, headers=charged('"%s"' % sent)))
        assert accounts(net, number + 1)[-1]["callid"] == shown, sent


def test_identity_and_charging_identifier(network):
    """The same of these two."""
    net = accounting(network)
    impu = "sip:o'neil@" + HOME
    headers = [("P-Asserted-Identity", "<%s>" % impu), *charged("'\\")]
    released(net, Scene(net).invite(headers=headers))
    entry, = accounts(net)
    assert (entry["impu"], entry["icid"]) == (impu, "'\\")


@pytest.mark.parametrize("topology", [CALLING_AS, CALLED_AS, BOTH_AS], ids=str)
def test_header_of_each_leg(network, topology):
    """By local policy, in the BYE of each leg, on all of its way."""
    net = network(topology, scscf={"defines": {"WITH_BYE_HEADERS": True}})
    scene = Scene(net).connect().release()
    scene.take_byes()
    scene.over()
    wire = scene.wire()
    served = {CALLING_AS: "orig", CALLED_AS: "term", BOTH_AS: "both"}[topology]
    legs = zip(("callee", "caller"), check_pair(
        wire, topology, scene.call_id, CAUSE, TEXT))
    for leg, bye in legs:
        added = "leg=%s;served=%s;job=%d" % (leg, served, scene.job)
        hops = [hop for hop in wire.requests("BYE") if hop.uri == bye.uri]
        assert len(hops) > (1 if bye.values("Route") else 0)
        assert [hop.lines("X-Release") for hop in hops] == [[added]] * len(hops)
