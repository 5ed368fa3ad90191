# SPDX-License-Identifier: GPL-2.0-or-later
"""The Diameter messages of a capture: what passed on the Cx and Ro interfaces."""

import dataclasses
import json
import struct
import subprocess

from rig.decode import _Layers

CX = {300: "UA", 301: "SA", 302: "LI", 303: "MA", 304: "RT"}
RO = {272: "CC"}
GROUPED = {260, 297, 430, 431, 437, 446, 456, 612, 615}
NUMBERS = {266, 258, 268, 277, 298, 415, 416, 420, 448, 449, 607, 613, 614, 616}
NAMES = {1: "impi", 263: "session", 268: "code", 298: "experimental", 415: "number",
         416: "type", 601: "impu", 602: "server", 606: "profile", 614: "assignment",
         616: "reason"}


@dataclasses.dataclass
class Diameter:
    """name: UAR, UAA, MAR, ...; avps: (name or number, value) in their order."""

    name: str
    src: str
    dst: str
    time: float
    avps: list

    def get(self, name):
        """The first value of that name, None for none."""
        return next(iter(self.values(name)), None)

    def values(self, name):
        return [value for key, value in self.avps if key == name]

    @property
    def result(self):
        return self.get("code") or self.get("experimental")


def decode(path, commands):
    """The messages with those commands, in order, each once."""
    output = subprocess.run(
        ["tshark", "-n", "-r", path, "-Y", "diameter", "-T", "json", "-x",
         "-j", "frame ip tcp diameter", "-d", "tcp.port==3868,diameter"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        check=True).stdout
    packets = json.loads(output, object_pairs_hook=_Layers)
    found = []
    for packet in packets:
        layers = packet["_source"]["layers"]
        for raw in layers.all("diameter_raw"):
            data = bytes.fromhex(raw[0])
            command = struct.unpack(">I", b"\0" + data[5:8])[0]
            if command in commands:
                found.append(Diameter(
                    commands[command] + ("R" if data[4] & 0x80 else "A"),
                    layers["ip"]["ip.src"], layers["ip"]["ip.dst"],
                    float(layers["frame"]["frame.time_epoch"]), list(_avps(data[20:]))))
    return found


def _avps(data):
    """(name or code, value) of each AVP, those within groups among them."""
    while len(data) >= 8:
        code, rest = struct.unpack(">II", data[:8])
        flags, length = rest >> 24, rest & 0xFFFFFF
        value = data[12 if flags & 0x80 else 8:length]
        if code in GROUPED:
            yield from _avps(value)
        else:
            yield NAMES.get(code, code), _value(code, value)
        data = data[(length + 3) & ~3:]


def _value(code, value):
    if code in NUMBERS:
        return struct.unpack(">I", value)[0]
    return value.decode("utf-8", "replace")
