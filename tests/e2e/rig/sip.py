# SPDX-License-Identifier: GPL-2.0-or-later
"""SIP messages as they were on the wire, and how to pick among them."""

import re

COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact",
    "l": "content-length", "c": "content-type", "k": "supported", "r": "refer-to",
    "b": "referred-by", "o": "event", "s": "subject", "e": "content-encoding",
}


def canonical(name):
    name = name.strip().lower()
    return COMPACT.get(name, name)


def split_list(value):
    """The elements of a comma-separated header, quotes and <> respected."""
    parts, start, quoted, angle, skip = [], 0, False, False, False
    for at, char in enumerate(value):
        if skip:
            skip = False
        elif quoted:
            skip = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "<>":
            angle = char == "<"
        elif char == "," and not angle:
            parts.append(value[start:at].strip())
            start = at + 1
    return parts + [value[start:].strip()]


def uri_of(value):
    """The URI of a name-addr or addr-spec header value."""
    found = re.search(r"<([^>]*)>", re.sub(r'"(\\.|[^"\\])*"', "", value))
    return found.group(1) if found else value.split(";")[0].strip()


def tag_of(value):
    found = re.search(r";\s*tag\s*=\s*([^;,\s]+)", value.rpartition(">")[2])
    return found.group(1) if found else None


def without_tag(value):
    return re.sub(r"\s*;\s*tag\s*=\s*[^;,\s]+", "", value)


def same_party(one, other):
    """Whether two From or To values are the same but for <> and the tag's place."""
    def parts(value):
        tag, rest = tag_of(value), without_tag(value)
        if "<" not in rest:
            rest = re.sub(r"^([^;]*)", r"<\1>", rest)
        return tag, rest
    return parts(one) == parts(other)


class Message:
    """A message, its headers in order and each value as it was on the wire."""

    def __init__(self, data, time=0.0, src=None, dst=None, transport="udp"):
        self.time, self.src, self.dst, self.transport = time, src, dst, transport
        self.data = data
        head, _, body = data.partition(b"\r\n\r\n")
        self.body = body
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape"))
        self.start_line, *lines = lines.split("\r\n")
        self.headers = []
        for line in lines:
            name, _, value = line.partition(":")
            self.headers.append((name.strip(), value.strip()))

    def __repr__(self):
        return "%s -> %s %s (CSeq %s, Call-ID %s)" % (
            self.src, self.dst, self.start_line, self.get("CSeq"), self.call_id)

    @property
    def is_request(self):
        return not self.start_line.startswith("SIP/2.0 ")

    @property
    def code(self):
        return None if self.is_request else int(self.start_line.split(" ")[1])

    @property
    def uri(self):
        return self.start_line.split(" ")[1] if self.is_request else None

    @property
    def method(self):
        """Of a request; of a response, that of the request it answers."""
        if self.is_request:
            return self.start_line.split(" ")[0]
        return (self.get("CSeq") or " ").split()[-1]

    def lines(self, name):
        """The header lines of that name, values as they were."""
        wanted = canonical(name)
        return [value for key, value in self.headers if canonical(key) == wanted]

    def get(self, name):
        """The value of a header, None when it is not there."""
        return next(iter(self.lines(name)), None)

    def values(self, name):
        """All elements of a list header, over all its lines."""
        return [part for line in self.lines(name) for part in split_list(line)]

    def uris(self, name):
        return [uri_of(value) for value in self.values(name)]

    @property
    def call_id(self):
        return self.get("Call-ID")

    @property
    def cseq(self):
        return int(self.get("CSeq").split()[0])

    @property
    def branch(self):
        found = re.search(r";\s*branch\s*=\s*([^;,\s]+)", self.values("Via")[0])
        return found.group(1) if found else None


class Wire(list):
    """Messages in the order in which they passed."""

    def where(self, **fields):
        """Those with these: method, code, call_id, src, dst (host or "host:port")."""
        return Wire(m for m in self if all(_matches(m, *f) for f in fields.items()))

    def by_call(self):
        """Call-ID -> its messages."""
        found = {}
        for message in self:
            found.setdefault(message.call_id, Wire()).append(message)
        return found

    def requests(self, method=None, **fields):
        """Without retransmissions."""
        if method:
            fields["method"] = method
        return Wire(m for m in self.where(**fields) if m.is_request).once()

    def responses(self, code=None, **fields):
        if code:
            fields["code"] = code
        return Wire(m for m in self.where(**fields) if not m.is_request)

    def one(self, what="message"):
        """The only one there is."""
        assert len(self) == 1, "%d in place of one %s:\n%s" % (len(self), what, self)
        return self[0]

    def once(self):
        """Each message once: what has the same bytes and way was sent again."""
        seen, kept = set(), Wire()
        for message in self:
            key = (message.src, message.dst, message.data)
            if key not in seen:
                seen.add(key)
                kept.append(message)
        return kept

    def answers_to(self, request):
        """The responses on the request's own hop."""
        return Wire(m for m in self if not m.is_request
                    and m.branch == request.branch and m.method == request.method
                    and m.src == request.dst).once()

    def final_to(self, request):
        """The code of the final response on that hop, None for none."""
        codes = [m.code for m in self.answers_to(request) if m.code >= 200]
        return codes[-1] if codes else None

    def __str__(self):
        return "\n".join(map(repr, self))


def _matches(message, name, wanted):
    value = getattr(message, name)
    if name in ("src", "dst") and value is not None:
        return wanted in (value, value.rpartition(":")[0].strip("[]"))
    return value == wanted
