# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures made by hand: SIP over UDP and TCP, IPv4 and IPv6, no link layer."""

import ipaddress
import struct

RAW_IP = 101
SYN, ACK, PSH = 0x02, 0x10, 0x08


class Capture:
    """Packets in memory; write() makes the file that tshark reads."""

    def __init__(self, start=1_700_000_000.0):
        self.start = start
        self.packets = []
        self.sequence = {}

    def udp(self, ms, source, target, text):
        payload = text.encode()
        head = struct.pack("!4H", source[1], target[1], 8 + len(payload), 0)
        self._ip(ms, source[0], target[0], 17, head + payload)

    def tcp(self, ms, source, target, text):
        """One segment; the first one of a connection is preceded by its SYNs."""
        payload = text.encode()
        if (source, target) not in self.sequence:
            self._segment(ms, source, target, SYN, b"")
            self._segment(ms, target, source, SYN | ACK, b"")
            self._segment(ms, source, target, ACK, b"")
        self._segment(ms, source, target, ACK | PSH, payload)

    def _segment(self, ms, source, target, flags, payload):
        sequence = self.sequence.get((source, target), 1000)
        seen = self.sequence.get((target, source), 0)
        self.sequence[source, target] = sequence + len(payload) + bool(flags & SYN)
        head = struct.pack(
            "!HHIIBBHHH", source[1], target[1], sequence, seen, 0x50, flags,
            65535, 0, 0,
        )
        self._ip(ms, source[0], target[0], 6, head + payload)

    def _ip(self, ms, source, target, protocol, payload):
        source, target = map(ipaddress.ip_address, (source, target))
        if source.version == 4:
            head = struct.pack(
                "!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0
            )
        else:
            head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
        packet = head + source.packed + target.packed + payload
        self.packets.append((self.start + ms / 1000, packet))

    def write(self, path):
        with open(path, "wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, RAW_IP))
            for time, packet in self.packets:
                seconds, micro = divmod(round(time * 1_000_000), 1_000_000)
                size = len(packet)
                out.write(struct.pack("<IIII", seconds, micro, size, size) + packet)
        return str(path)


def request(method, cseq, uri="sip:bob@127.0.0.3", call_id="call-1", **extra):
    """A request; extra headers as keywords: via=..., from_=..., route=[...]."""
    return _message(f"{method} {uri} SIP/2.0", f"{cseq} {method}", call_id, extra)


def response(code, cseq, method, call_id="call-1", **extra):
    return _message(f"SIP/2.0 {code} Reason", f"{cseq} {method}", call_id, extra)


def _message(start_line, cseq, call_id, extra):
    headers = {
        "via": "SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK-1",
        "from_": "<sip:alice@example.com>;tag=a",
        "to": "<sip:bob@example.com>",
        "call_id": call_id,
        "cseq": cseq,
        **extra,
        "content_length": "0",
    }
    lines = [start_line]
    for name, values in headers.items():
        title = {"call_id": "Call-ID", "cseq": "CSeq"}.get(
            name, name.strip("_").replace("_", "-").title()
        )
        for value in values if isinstance(values, list) else [values]:
            lines.append(f"{title}: {value}")
    return "\r\n".join(lines) + "\r\n\r\n"
