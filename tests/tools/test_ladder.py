# SPDX-License-Identifier: GPL-2.0-or-later
"""tools/ladder.py on captures made by hand, compared with golden files."""

import re
import xml.etree.ElementTree as ElementTree

import pytest
from sip_pcap import Capture, request, response

ALICE, SCSCF, AS, BOB = [(f"127.0.0.{host}", 5060) for host in (2, 1, 4, 3)]
NAMES = [
    "--name=127.0.0.2:5060=Alice",
    "--name=127.0.0.1=S-CSCF",
    "--name=127.0.0.4:5060=AS",
    "--name=127.0.0.3:5060=Bob",
]
NOTE = "--note=10=kamcmd ims_release.release callid call-1 503"
SVG = "{http://www.w3.org/2000/svg}"


def call():
    """A call through an application server, and its release."""
    capture = Capture()

    def path(ms, message, *hops):
        for i, (source, target) in enumerate(zip(hops, hops[1:])):
            text = message.replace("-1\r\n", f"-1.{i}\r\n", 1)
            capture.udp(ms + i / 2, source, target, text)

    path(0, request("INVITE", 1), ALICE, SCSCF, AS, SCSCF, BOB)
    path(0.3, response(100, 1, "INVITE"), SCSCF, ALICE)
    path(4, response(200, 1, "INVITE"), BOB, SCSCF, AS, SCSCF, ALICE)
    path(7, request("ACK", 1), ALICE, SCSCF, BOB)
    path(12, request("BYE", 2), SCSCF, SCSCF, AS, SCSCF, BOB)
    path(12.1, request("BYE", 1804289384), SCSCF, ALICE)
    path(512.1, request("BYE", 1804289384), SCSCF, ALICE)
    path(513, response(200, 1804289384, "BYE"), ALICE, SCSCF)
    path(520, request("OPTIONS", 7, call_id="call-2"), BOB, BOB)
    return capture


@pytest.fixture
def pcap(tmp_path):
    capture = call()
    # Packets go into a file in the order of their time.
    capture.packets.sort()
    return capture.write(tmp_path / "call.pcap")


def test_text(tool, golden, pcap):
    run = tool("ladder.py", pcap, *NAMES, NOTE)
    assert (run.returncode, run.stderr) == (0, "")
    golden("ladder.txt", run.stdout)


def test_only_one_call_and_no_100(tool, pcap):
    out = tool("ladder.py", pcap, *NAMES, "--only=call-1", "--skip-100").stdout
    assert "BYE 2" in out
    assert "OPTIONS" not in out
    assert "100 INVITE" not in out


def test_six_participants_fit_100_columns(tool, golden, pcap):
    more = ["--name=127.0.0.5=P-CSCF", "--name=127.0.0.6=MRFC"]
    out = tool("ladder.py", pcap, *NAMES, *more, "--only=call-1").stdout
    assert max(map(len, out.splitlines())) <= 100
    golden("ladder-6.txt", out)


def test_too_many_participants_say_so(tool, pcap):
    more = [f"--name=127.0.1.{i}=UA{i}" for i in range(10)]
    run = tool("ladder.py", pcap, *NAMES, *more)
    assert run.returncode == 1
    assert run.stderr == "ladder.py: 14 participants do not fit 100 columns\n"


def test_tcp_and_ipv6(tool, golden, tmp_path):
    """Messages in one segment, over several; ports of the moment; no names."""
    alice, scscf, bob = ("fd00::2", 40001), ("fd00::1", 5060), ("fd00::3", 5080)
    via = "SIP/2.0/TCP [fd00::2]:5070;branch=z9hG4bK-1"
    invite = request("INVITE", 1, via=via)
    capture = Capture()
    capture.tcp(0, alice, scscf, invite[:70])
    capture.tcp(1, alice, scscf, invite[70:] + request("INFO", 2, via=via))
    capture.udp(2, scscf, bob, invite)
    capture.udp(3, bob, scscf, response(486, 1, "INVITE"))
    capture.tcp(4, scscf, alice, response(486, 1, "INVITE"))
    pcap = capture.write(tmp_path / "tcp.pcap")
    out = tool("ladder.py", pcap, "--name=[fd00::2]:5070=Alice").stdout
    golden("ladder-tcp.txt", out)


def test_svg(tool, pcap, tmp_path, golden):
    svg = tmp_path / "call.svg"
    title = "Release <of> a session"
    run = tool("ladder.py", pcap, *NAMES, NOTE, "--svg", svg, "--title", title)
    assert (run.returncode, run.stdout) == (0, "")
    root = ElementTree.parse(svg).getroot()
    assert root.tag == SVG + "svg"
    assert root.get("role") == "img"
    labelled = [root.find(f"*[@id='{i}']") for i in root.get("aria-labelledby").split()]
    assert [x.tag for x in labelled] == [SVG + "title", SVG + "desc"]
    assert labelled[0].text == title
    assert "S-CSCF to S-CSCF: BYE 2." in labelled[1].text
    width, height = float(root.get("width")), float(root.get("height"))
    texts = [x for x in root.iter(SVG + "text")]
    assert all(0 <= float(x.get("x")) < width for x in texts)
    assert all(0 <= float(x.get("y")) < height for x in texts)
    assert [x.text for x in texts if x.get("class") == "name"] == [
        "Alice", "S-CSCF", "AS", "Bob",
    ]
    assert "http" not in svg.read_text().replace(SVG.strip("{}"), "")
    golden("ladder.svg", svg.read_text())


def test_what_is_no_message_or_lacks_headers_does_no_harm(tool, tmp_path):
    capture = Capture()
    capture.udp(0, ALICE, SCSCF, "\r\n\r\n")
    capture.udp(1, ALICE, SCSCF, "BYE sip:bob SIP/2.0\r\n\r\n")
    capture.udp(2, SCSCF, ALICE, "SIP/2.0 400 Bad Request\r\n\r\n")
    capture.tcp(3, ALICE, SCSCF, "\r\n\r\n")
    capture.tcp(4, ALICE, SCSCF, "BYE sip:bob SIP/2.0\r\nContent-Length: 0\r\n\r\n")
    out = tool("ladder.py", capture.write(tmp_path / "odd.pcap"), *NAMES).stdout
    assert len(re.findall("─ BYE ─.*▶", out)) == 2
    assert "─ 400 ─" in out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["none.pcap"], "none.pcap"),
        (["{pcap}", "--only=nobody"], "no such SIP messages"),
        (["{pcap}", "--name=Alice"], "is not ADDRESS[:PORT]=NAME"),
        (["{pcap}", "--note=soon"], "is not MS=TEXT"),
    ],
)
def test_bad_input(tool, pcap, arguments, message):
    run = tool("ladder.py", *(x.format(pcap=pcap) for x in arguments))
    assert run.returncode
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_capture_cut_short_is_said(tool, pcap):
    with open(pcap, "rb+") as file:
        file.truncate(len(file.read()) - 10)
    run = tool("ladder.py", pcap, *NAMES)
    assert run.returncode == 1
    assert "cut short" in run.stderr
