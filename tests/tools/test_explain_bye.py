# SPDX-License-Identifier: GPL-2.0-or-later
"""tools/explain_bye.py: the pair of BYEs, right, and wrong in each field."""

import json

import pytest
from sip_pcap import Capture, request

ALICE, SCSCF, BOB = [(f"127.0.0.{host}", 5060) for host in (2, 1, 3)]
OWN = "<sip:127.0.0.1;lr;did=1a.2b>"
AS = "<sip:127.0.0.4;lr>"
REASON = 'SIP;cause=503;text="Released by the \\"operator\\""'
RECORD = {
    "id": 7,
    "callid": "call-1",
    "state": "confirmed",
    "served": "orig",
    "from": '"Alice, of A" <sip:alice@example.com>;x=1;tag=a',
    "to": "<sip:bob@example.com>;tag=b",
    "caller": {
        "tag": "a", "cseq": 4, "contact": "sip:alice@127.0.0.2:5060", "routes": [],
    },
    "callee": {
        "tag": "b", "cseq": 0, "contact": "sip:bob@127.0.0.3:5060",
        "routes": [AS, OWN],
    },
}
COMMON = {
    "via": "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK5f1c.8e2d0f6100000000.0",
    "max_forwards": "70",
}
TO_CALLED = {
    **COMMON,
    "uri": "sip:bob@127.0.0.3:5060",
    "from_": '"Alice, of A" <sip:alice@example.com>;x=1;tag=a',
    "to": "<sip:bob@example.com>;tag=b",
    "cseq": 5,
    "route": [f"{OWN}, {AS}", OWN],
    "reason": REASON,
}
TO_CALLING = {
    **COMMON,
    "uri": "sip:alice@127.0.0.2:5060",
    "from_": "<sip:bob@example.com>;tag=b",
    "to": '"Alice, of A" <sip:alice@example.com>;x=1;tag=a',
    "cseq": 1804289384,
    "reason": REASON,
    "p_local": "some policy",
}


def bye(fields, **changes):
    fields = {**fields, **changes}
    cseq = fields.pop("cseq")
    kept = {name: value for name, value in fields.items() if value is not None}
    return request("BYE", cseq, **kept)


@pytest.fixture
def pcap(tmp_path):
    def make(to_called=None, to_calling=None):
        capture = Capture()
        invite = request("INVITE", 1, from_=RECORD["from"])
        capture.udp(0, ALICE, SCSCF, invite)
        capture.udp(10, SCSCF, SCSCF, to_called or bye(TO_CALLED))
        capture.udp(11, SCSCF, ALICE, to_calling or bye(TO_CALLING))
        capture.udp(12, SCSCF, BOB, bye(TO_CALLED, route=None))
        return capture.write(tmp_path / "call.pcap")

    return make


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "record.json"

    def make(**changes):
        path.write_text(json.dumps({**RECORD, **changes}))
        return f"--check={path}"

    return make


@pytest.mark.parametrize("item", [1, 2, 3, 4])
def test_explained(tool, golden, pcap, item):
    run = tool("explain_bye.py", pcap(), f"--item={item}")
    assert (run.returncode, run.stderr) == (0, "")
    assert max(map(len, run.stdout.splitlines())) <= 100
    golden(f"bye-{item}.txt", run.stdout)


@pytest.mark.parametrize("item", [1, 2])
def test_checked(tool, golden, pcap, record, item):
    run = tool("explain_bye.py", pcap(), f"--item={item}", record(), "--cause=503",
               '--text=Released by the "operator"')
    assert (run.returncode, run.stderr) == (0, "")
    assert "✘" not in run.stdout
    golden(f"bye-{item}-checked.txt", run.stdout)


@pytest.mark.parametrize(
    "field, value, wrong",
    [
        ("uri", "sip:alice@127.0.0.2:5060", "stored: sip:bob@127.0.0.3:5060"),
        ("to", "<sip:bob@example.com>;tag=c", ";tag=b"),
        ("from_", "<sip:alice@example.com>;x=1;tag=a", 'stored: "Alice, of A" <sip'),
        ("cseq", 4, "stored: 4"),
        ("route", [OWN, OWN], "stored: sip:127.0.0.4;lr, sip:127.0.0.1;lr;did=1a.2b"),
        ("route", None, "missing"),
        ("reason", None, "missing"),
        ("reason", "SIP;cause=199", "not a response code"),
        ("reason", 'Q.850;cause=16;text="x"', "no SIP cause"),
        ("via", "SIP/2.0/UDP 127.0.0.1;branch=1", "no branch of RFC 3261"),
        ("max_forwards", "256", "not 0 to 255"),
    ],
)
def test_wrong_field_is_crossed(tool, pcap, record, field, value, wrong):
    capture = pcap(bye(TO_CALLED, **{field: value}))
    run = tool("explain_bye.py", capture, "--item=1", "--nth=1", record())
    assert run.returncode == 1, run.stdout
    crosses = [x for x in run.stdout.splitlines() if x.startswith("  ✘ ")]
    assert len(crosses) == 1
    assert wrong in crosses[0]


def test_other_call_is_crossed(tool, pcap, record):
    run = tool("explain_bye.py", pcap(), "--item=1", "--nth=1", record(callid="x"))
    assert run.returncode == 1
    assert "✘ stored: x" in run.stdout


@pytest.mark.parametrize("option", ["--cause=480", "--text=other"])
def test_other_reason_than_asked_for(tool, pcap, record, option):
    run = tool("explain_bye.py", pcap(), "--item=2", record(), option)
    assert run.returncode == 1
    assert "✘ asked for: " in run.stdout


def test_strict_router_takes_the_request_uri(tool, pcap, record):
    caller = {**RECORD["caller"], "routes": ["<sip:strict@127.0.0.9>", AS]}
    to_calling = bye(TO_CALLING, uri="sip:strict@127.0.0.9",
                     route=f"{AS}, <sip:alice@127.0.0.2:5060>")
    check = record(caller=caller)
    run = tool("explain_bye.py", pcap(None, to_calling), "--item=2", check)
    assert run.returncode == 0, run.stdout


def test_gruu_is_not_a_contact_address(tool, pcap, record):
    gruu = "sip:alice@example.com;gr=urn:uuid:1"
    check = record(caller={**RECORD["caller"], "contact": gruu})
    assert tool("explain_bye.py", pcap(), "--item=2", check).returncode == 0
    capture = pcap(None, bye(TO_CALLING, uri=gruu))
    assert tool("explain_bye.py", capture, "--item=2", check).returncode == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["none.pcap", "--item=1"], "none.pcap"),
        (["{pcap}", "--item=1", "--only=nobody"], "no initial INVITE"),
        (["{pcap}", "--item=1", "--nth=9"], "no BYE 9: the capture has 3"),
        (["{pcap}", "--item=5"], "invalid choice"),
        (["{pcap}", "--item=1", "--check=none.json"], "none.json"),
        (["{pcap}", "--item=1", "--check={pcap}"], "explain_bye.py: "),
    ],
)
def test_bad_input(tool, pcap, arguments, message):
    capture = pcap()
    run = tool("explain_bye.py", *(x.format(pcap=capture) for x in arguments))
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr
