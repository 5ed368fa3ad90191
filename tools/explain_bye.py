#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print a BYE in full, each line with the item of TS 24.229 that prescribes it.

    explain_bye.py call.pcap --item 1
    explain_bye.py call.pcap --item 2 --only 1-4711@127.0.0.2 --check record.json

Of the BYEs in that direction it takes the first on the wire: the one that the
S-CSCF made. With --check, each field is verified against the record stored
before the release, as the RPC command ims_release.show gives it in JSON.
Exit code: 0, 1 when a field is wrong or missing, 2 when nothing could be done.
"""

import argparse
import json
import re
import sys
from dataclasses import dataclass

import sipcap
from rig.sip import canonical, same_party, tag_of, uri_of, without_tag

WIDTH = 100
LEFT = 55  # of the message; what prescribes it stands to the right
TICK, CROSS, OPEN = "✔", "✘", "·"
CSEQ_MAX = 2**31 - 1
REASON = re.compile(r'SIP *; *cause *= *(\d+)(?: *; *text *= *"((?:[^"\\]|\\.)*)")?')


@dataclass
class Item:
    """A row of the clause: whom the S-CSCF serves, for whom the BYE is."""

    number: int
    serves: str
    to: str  # the party the BYE is destined for
    origin: str  # the party in whose name it is sent
    uri: str
    then: str

    @property
    def fields(self):
        """What the clause prescribes, header by header."""
        from_ = "From of the initial INVITE"
        to = "To of the 200 (OK) to the INVITE"
        to, from_ = (to, from_) if self.to == "called" else (from_, to)
        return {
            "Request-URI": self.uri.format(to=self.to),
            "To": to,
            "From": from_,
            "Call-ID": "Call-ID of the initial INVITE",
            "CSeq": f"CSeq stored for {self.origin} to {self.to}, plus one",
            "Route": f"routeing information towards the {self.to} user",
            "Reason": "a proper SIP response code",
        }


CONTACT = "stored Contact of the {to} user"
ADDRESS = "contact address from the stored Contact of the {to} user"
ERRATUM = CONTACT + " (erratum: the text says called)"
DIRECT = "sent directly to the {to} user"
SERVICE = "treated as if received from the {origin} user: through service control"
ITEMS = {
    1: Item(1, "calling", "called", "calling", CONTACT, SERVICE),
    2: Item(2, "calling", "calling", "called", ADDRESS, DIRECT),
    3: Item(3, "called", "called", "calling", ADDRESS, DIRECT),
    4: Item(4, "called", "calling", "called", ERRATUM, SERVICE),
}
RFC3261 = {
    "Via": "8.1.1.7: way of the responses",
    "Max-Forwards": "8.1.1.6: bound of hops",
    "Content-Length": "20.14: no body",
}
LEGS = {"calling": "caller", "called": "callee"}
REQUIRED = ["Via", "Max-Forwards", "To", "From", "Call-ID", "CSeq", "Reason"]


@dataclass
class Line:
    """A line of the message, what prescribes it, and whether it is right."""

    name: str
    text: str
    why: str
    wrong: str = None  # '' when right, None when not checked

    @property
    def mark(self):
        return OPEN if self.wrong is None else CROSS if self.wrong else TICK


# --- checks: '' when right, else what is wrong ----------------------------------


class Check:
    """A BYE against the record that was stored before the release."""

    def __init__(self, bye, item, record, cause=None, text=None):
        self.bye, self.item, self.record = bye, item, record
        self.to = record[LEGS[item.to]]
        self.origin = record[LEGS[item.origin]]
        self.cause, self.text = cause, text
        self.uri = self.to["contact"]
        self.routes = bye.uris("Route")
        self.stored = [uri_of(route) for route in self.to.get("routes") or []]
        if self.stored and not has(self.stored[0], "lr") and not self.enters:
            # RFC 3261 12.2.1.1: a strict router takes the Request-URI.
            self.stored.append(self.uri)
            self.uri = self.stored.pop(0)

    @property
    def enters(self):
        """How many Routes of our own come first, for service control."""
        extra = len(self.routes) - len(self.stored)
        return extra if self.item.then is SERVICE and 0 < extra <= 2 else 0

    def request_uri(self):
        if has(self.uri, "gr"):
            gruu = self.bye.uri == self.uri
            return "the GRUU itself, not the contact address bound" if gruu else None
        return self._same(self.bye.uri, self.uri)

    def to_header(self):
        return self._party("To", self.item.to, self.to)

    def from_header(self):
        return self._party("From", self.item.origin, self.origin)

    def call_id(self):
        return self._same(self.bye.get("Call-ID"), self.record["callid"])

    def cseq(self):
        number, _, method = self.bye.get("CSeq").partition(" ")
        if method.strip() != "BYE" or not number.isdigit():
            return "not a CSeq of a BYE"
        stored = int(self.origin["cseq"])
        if stored:
            return self._same(int(number), stored + 1, f"stored: {stored}")
        return "" if 0 < int(number) <= CSEQ_MAX else "none stored, and out of range"

    def route(self):
        stored = ", ".join(self.stored) or "none"
        return self._same(
            self.routes[self.enters:], self.stored, f"stored: {stored}"
        )

    def reason(self):
        found = REASON.search(self.bye.get("Reason"))
        if not found:
            return "no SIP cause"
        cause, text = int(found[1]), re.sub(r"\\(.)", r"\1", found[2] or "")
        if self.cause not in (None, cause):
            return f"asked for: {self.cause}"
        if self.text not in (None, text):
            return f"asked for: {self.text}"
        return "" if cause == 200 or 300 <= cause <= 699 else "not a response code"

    def via(self):
        found = re.search(r";branch=z9hG4bK", self.bye.get("Via"))
        return "" if found else "no branch of RFC 3261"

    def max_forwards(self):
        value = self.bye.get("Max-Forwards")
        return "" if value.isdigit() and int(value) <= 255 else "not 0 to 255"

    def content_length(self):
        return self._same(self.bye.get("Content-Length"), str(len(self.bye.body)))

    def _party(self, name, party, leg):
        stored = self.record["from" if party == "calling" else "to"]
        stored = f"{without_tag(stored)};tag={leg['tag']}"
        same = same_party(self.bye.get(name), stored)
        return "" if same else f"stored: {stored}"

    @staticmethod
    def _same(seen, expected, stored=None):
        return "" if seen == expected else stored or f"stored: {expected}"


def has(uri, parameter):
    return re.search(f";{parameter}(;|=|\\?|$)", uri, re.I)


CHECKS = {
    "request-uri": Check.request_uri,
    "to": Check.to_header,
    "from": Check.from_header,
    "call-id": Check.call_id,
    "cseq": Check.cseq,
    "route": Check.route,
    "reason": Check.reason,
    "via": Check.via,
    "max-forwards": Check.max_forwards,
    "content-length": Check.content_length,
}


# --- explanation ----------------------------------------------------------------


def explain(bye, item, check=None):
    """The lines of the BYE; check: a Check, or None to verify nothing."""
    lines = [_line(bye.start_line, "Request-URI", item, check)]
    for name, value in bye.headers:
        lines.append(_line(f"{name}: {value}", name, item, check))
    missing = [name for name in REQUIRED if not bye.lines(name)]
    if check and check.stored and not check.routes:
        missing.append("Route")
    for name in missing:
        line = _line(f"({name} is missing)", name, item, None)
        line.wrong = "missing"
        lines.append(line)
    return lines


def _line(text, name, item, check):
    name = canonical(name)
    prescribed = {key.lower(): why for key, why in item.fields.items()}
    general = {key.lower(): why for key, why in RFC3261.items()}
    if name in prescribed:
        why = f"{item.number}) {prescribed[name]}"
        if check and name == "cseq" and not int(check.origin["cseq"]):
            why = f"{item.number}) none stored for that direction: a random number"
        if check and name == "route" and check.enters:
            why += ", after our own: into service control"
    elif name in general:
        why = f"RFC 3261 {general[name]}"
    else:
        why = f"{item.number}) further header: local policy"
    wrong = CHECKS[name](check) if check and name in CHECKS else None
    return Line(name, text, why, wrong)


def draw(bye, item, lines, checked):
    """The explanation as text of at most WIDTH columns."""
    way = item.then.format(to=item.to, origin=item.origin)
    out = [
        f"BYE to the {item.to} user: TS 24.229 5.4.5.1.2, item {item.number}"
        f" (serving the {item.serves} user)",
        way,
        f"{bye.src} → {bye.dst}, {bye.transport.upper()}",
        "─" * WIDTH,
    ]
    last = None
    for line in lines:
        # A header on several lines is one: explained once, and crossed once.
        again = line.name == last
        last = line.name
        left = wrap(line.text, LEFT)
        mark = f"{line.mark} " if checked or line.wrong else ""
        why = f"{item.number}) the same header" if again else line.why
        right = wrap(why, WIDTH - LEFT - 1 - len(mark))
        right = [mark + right[0], *(" " * len(mark) + more for more in right[1:])]
        for i in range(max(len(left), len(right))):
            out.append(f"{_at(left, i):{LEFT}} {_at(right, i)}".rstrip())
        if line.wrong and not again:
            out += [f"  {CROSS} {part}" for part in wrap(line.wrong, WIDTH - 4)]
    if bye.body:
        out += ["", *bye.body.decode(errors="backslashreplace").splitlines()]
    return "\n".join(out) + "\n"


def wrap(text, width):
    """Lines of at most width columns, broken after a space, ';' or ','."""
    lines = []
    indent = ""
    while len(indent + text) > width:
        room = width - len(indent)
        at = max(text.rfind(mark, room // 3, room) for mark in " ;,") + 1 or room
        lines.append((indent + text[:at]).rstrip())
        text, indent = text[at:], "  "
    return [*lines, indent + text]


def _at(lines, i):
    return lines[i] if i < len(lines) else ""


# --- command line ---------------------------------------------------------------


def find(messages, item, record=None, nth=None):
    """The BYE of that item: the nth, or the first on the wire in its direction."""
    byes = messages.requests("BYE")
    if nth:
        if not 0 < nth <= len(byes):
            raise sipcap.CaptureError(f"no BYE {nth}: the capture has {len(byes)}")
        return byes[nth - 1]
    if record:
        caller = record["callid"], record["caller"]["tag"]
    else:
        caller = next(
            (
                (m.call_id, tag_of(m.get("From")))
                for m in messages.requests("INVITE")
                if not tag_of(m.get("To"))
            ),
            None,
        )
        if caller is None:
            raise sipcap.CaptureError("no initial INVITE in the capture: give --nth")
    header = "From" if item.origin == "calling" else "To"
    for bye in byes:
        if (bye.call_id, tag_of(bye.get(header))) == caller:
            return bye
    raise sipcap.CaptureError(f"no BYE to the {item.to} user in the capture")


def load_record(path):
    with open(path, encoding="utf-8") as source:
        record = json.load(source)
    record = record.get("result", record)
    wanted = ["callid", "from", "to", *LEGS.values()]
    missing = [name for name in wanted if name not in record]
    if missing:
        raise sipcap.CaptureError(f"{path}: no {', '.join(missing)} in the record")
    return record


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("capture", help="a file that tshark reads")
    add("--item", type=int, choices=ITEMS, required=True, help="of the clause")
    add("--only", metavar="CALL-ID", help="the BYE of this Call-ID")
    add("--nth", type=int, metavar="N", help="the N-th BYE, whatever its direction")
    add("--check", metavar="RECORD.json", help="verify each field against it")
    add("--cause", type=int, help="status code asked for, to be in Reason")
    add("--text", help="text asked for, to be in Reason")
    options = parser.parse_args()
    try:
        messages = sipcap.read(options.capture)
        if options.only:
            messages = messages.where(call_id=options.only)
        item = ITEMS[options.item]
        record = load_record(options.check) if options.check else None
        bye = find(messages, item, record, options.nth)
    except (sipcap.CaptureError, OSError, ValueError) as error:
        print(f"explain_bye.py: {error}", file=sys.stderr)
        return 2
    check = record and Check(bye, item, record, options.cause, options.text)
    lines = explain(bye, item, check)
    sipcap.print_unicode(draw(bye, item, lines, bool(check)))
    return 1 if any(line.wrong for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
