# SPDX-License-Identifier: GPL-2.0-or-later
"""The capture as it grows, and two captures compared."""

import collections
import re
import struct

from rig.sip import Message, Wire

FILE_HEADER = 24
RECORD = struct.Struct("<IIII")
UDP = 17


class Recorder:
    """Reads the capture file on as it is written: UDP over IPv4, nothing else."""

    def __init__(self, capture):
        self._capture = capture
        self._at = FILE_HEADER
        self._runs = collections.defaultdict(Wire)

    def of(self, run):
        """What passed until now of the run that has this in its Call-IDs."""
        self._capture.flush()
        with open(self._capture.path, "rb") as file:
            file.seek(self._at)
            data = file.read()
        at = 0
        while len(data) >= at + RECORD.size:
            seconds, nanos, length, _ = RECORD.unpack_from(data, at)
            frame = data[at + RECORD.size:at + RECORD.size + length]
            if len(frame) < length:
                break
            self._keep(seconds + nanos / 1e9, frame)
            at += RECORD.size + length
        self._at += at
        return self._runs[run]

    def _keep(self, time, frame):
        start = 14 + 4 * (frame[14] & 15)
        if frame[12:14] != b"\x08\x00" or frame[23] != UDP:
            return
        ends = ["%s:%d" % (".".join(map(str, frame[at:at + 4])), port) for at, port in
                zip((26, 30), struct.unpack_from(">HH", frame, start))]
        message = Message(frame[start + 8:], time, *ends)
        found = re.search(r"run\d{4}", message.call_id or "")
        if found:
            self._runs[found.group()].append(message)


# What differs from run to run. Each value becomes its place in the order in which
# they appeared, so that what was the same stays the same.
RANDOM = re.compile(
    r'(branch=z9hG4bK|tag=|did=|nonce="|response=")([^;,">\s]+)')


def normalized(wire, names):
    """(from, to) -> the messages of that way, without what differs by chance.

    names: what stands in one run for what -> what it is to be called.
    """
    ways = collections.defaultdict(list)
    for message in wire.once():
        text = message.data.decode("utf-8", "surrogateescape")
        ends = tuple(_named(end, names) for end in (message.src, message.dst))
        ways[ends].append(_named(text, names))
    seen = {}

    def number(found):
        kind, value = found.groups()
        return "%s%d" % (kind, seen.setdefault(value, len(seen)))

    return {ends: [RANDOM.sub(number, text) for text in texts]
            for ends, texts in sorted(ways.items())}


def _named(text, names):
    for name, common in names.items():
        text = text.replace(name, common)
    return text
