# SPDX-License-Identifier: GPL-2.0-or-later
"""A capture as a list of SIP messages: tshark reassembles, we take the bytes."""

import json
import subprocess

from .sip import Message, Wire

PORTS = "5060-5099"


def decode(path):
    """The SIP messages of a capture file, as a Wire."""
    output = subprocess.run(
        ["tshark", "-n", "-r", path, "-Y", "sip and not icmp", "-T", "json", "-x",
         "-j", "frame ip ipv6 udp tcp sip",
         "-d", "udp.port==%s,sip" % PORTS, "-d", "tcp.port==%s,sip" % PORTS],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        check=True).stdout
    packets = json.loads(output, object_pairs_hook=_Layers)
    return Wire(m for packet in packets for m in _messages(packet))


class _Layers(dict):
    """A JSON object; of a key that is there twice, `all` has each value."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self._pairs = pairs

    def all(self, key):
        return [value for name, value in self._pairs if name == key]


def _messages(packet):
    layers = packet["_source"]["layers"]
    transport = "udp" if "udp" in layers else "tcp"
    src, dst = _endpoints(layers, transport)
    time = float(layers["frame"]["frame.time_epoch"])
    for raw in layers.all("sip_raw"):
        yield Message(bytes.fromhex(raw[0]), time, src, dst, transport)


def _endpoints(layers, transport):
    family = "ipv6" if "ipv6" in layers else "ip"
    form = "[%s]:%s" if family == "ipv6" else "%s:%s"
    return [form % (layers[family]["%s.%s" % (family, end)],
                    layers[transport]["%s.%sport" % (transport, end)])
            for end in ("src", "dst")]
