# SPDX-License-Identifier: GPL-2.0-or-later
"""What may come to the port where nodes speak to one another, by who is none of them."""

from .standby import NAME


def field(name, value):
    return b"%s %d:%s " % (name.encode(), len(value), value)


def kdmq(body, sender, to, number):
    """What DMQ of a node sends to this module of another."""
    head = ("KDMQ {to} SIP/2.0\r\nVia: SIP/2.0/UDP 10.6.0.33:5062;"
            "branch=z9hG4bK-k{n}\r\nFrom: <{peer}>;tag=k\r\nTo: <{to}>\r\n"
            "Call-ID: k{n}\r\nCSeq: 10 KDMQ\r\nMax-Forwards: 1\r\n"
            "Content-Type: application/x-ims-release\r\nContent-Length: {len}\r\n\r\n")
    peer = sender.replace("sip:", "sip:ims_release@")
    return head.format(to=to.replace("sip:", "sip:ims_release@"), peer=peer, n=number,
                       len=len(body)).encode() + body


def hostile(record, gone, rng):
    """Bodies, none of them a node's: and one that is, made ill in many ways."""
    a, b = (NAME[name].encode() for name in "ab")
    head = field("node", a) + field("boot", b"1") + field("number", b"4294967295")
    good = head + field("row", record) + field("gone", gone) + field("count", b"7")
    yield from (b"", b" ", b"node", b"node 3:", b"node -1:x ", b"node 99999999999:x ",
                b"\0" * 1000, bytes(range(256)) * 100, b"node 0: boot 0: number 0: ",
                field("node", b"x" * 129) + field("boot", b"1") + field("number", b"1"),
                field("node", a) + field("boot", b"-1") + field("number", b"1"),
                field("node", a) + field("boot", b"1") + field("number", b"4294967296"))
    yield from (good[:at] for at in range(0, len(good), 37))
    for value in (b"", b"-1", b"4294967296", b"99999999999999999999", b"1 1 1 ",
                  b"1 1 1 " + b, b"9 9 9 9 " + b, b"x" * 30000):
        for name in ("row", "gone", "want", "copy", "messages", "count", "claim", "else"):
            # what a node says of its own counts: this may be any but a claim on b
            if not (name == "claim" and value == b"1 1 1 " + b):
                yield head + field(name, value)
    for _ in range(300):
        ill = bytearray(good)
        for _ in range(rng.choice((1, 3, 30))):
            ill[rng.randrange(len(ill))] = rng.randrange(256)
        yield bytes(ill)
    yield field("node", b) + good[len(field("node", a)):]
    yield b"x" * 60000
