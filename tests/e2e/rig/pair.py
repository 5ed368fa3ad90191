# SPDX-License-Identifier: GPL-2.0-or-later
"""The two BYEs: those that went over the wire, and those that TS 24.229 asks for.

What is expected is computed from the capture of the call and the topology alone, by
the rows of 5.4.5.1.2. The module is not asked.
"""

import dataclasses
import re

from .sip import same_party, tag_of, uri_of

CSEQ_LIMIT = 1 << 31


@dataclasses.dataclass
class Bye:
    """What one BYE must be."""

    to_whom: str
    uri: str
    to: str
    from_: str
    cseq: int           # None: a random one, as none was stored
    routes: list
    way: list           # the hosts that it goes to, one after the other


class Dialog:
    """What the wire says of a dialog, before the release."""

    def __init__(self, wire, topology, call_id):
        self.topology = topology
        wire = wire.where(call_id=call_id)
        self.setup = type(wire)(m for m in wire if m.method != "BYE")
        offered = self.setup.requests("INVITE", dst=topology.address("callee"))
        self.invite = offered[0]
        self.ok = self.setup.responses(
            200, method="INVITE", branch=self.invite.branch)[0]
        self.record_routes = self.invite.values("Record-Route")

    def highest_cseq(self, who):
        """Of the requests of one side; None when it sent none."""
        tag = tag_of(self._party(who))
        numbers = [m.cseq for m in self.setup.requests()
                   if tag_of(m.get("From")) == tag and m.cseq < CSEQ_LIMIT]
        return max(numbers, default=None)

    def _party(self, who):
        return self.invite.get("From") if who == "caller" else self.ok.get("To")

    def target(self, who):
        """The Contact that the side gave last in an INVITE or UPDATE that got a 2xx."""
        target = None
        address = self.topology.address(who)
        for answer in self.setup.responses():
            if answer.method not in ("INVITE", "UPDATE") or answer.code // 100 != 2:
                continue
            if answer.src.startswith((address + ":", "[" + address + "]")):
                target = uri_of(answer.get("Contact")) if answer.get("Contact") else \
                    target
            request = self._sent(answer, address)
            if request is not None and request.get("Contact"):
                target = uri_of(request.get("Contact"))
        return target

    def _sent(self, answer, address):
        """The request that this side sent and that this answers on its first hop."""
        found = self.setup.requests(answer.method, branch=answer.branch, src=address)
        return found[0] if found and answer in self.setup.where(dst=address) else None

    def expected(self):
        """The pair, first the BYE to the callee. Items 1 and 2, or 3 and 4."""
        topology = self.topology
        edges = 1 if topology.edge else 0
        callers_order = self.record_routes[::-1]
        forward = topology.forward[edges:]
        backward = topology.forward[-2::-1] + ["caller"]
        if topology.caller_served:
            # service control for the BYE to the callee; the other straight back
            routes = callers_order[edges:], callers_order[:edges]
            ways = forward, ["edge", "caller"][1 - edges:]
        else:
            routes = [], self.record_routes
            ways = ["callee"], backward
        return self.pair(routes, ways)

    def pair(self, routes, ways):
        """Both, the one to the callee first: its routes and its way come first."""
        return [
            Bye("callee", self.target("callee"), to=self.ok.get("To"),
                from_=self.invite.get("From"), routes=routes[0], way=ways[0],
                cseq=self._next("caller")),
            Bye("caller", self.target("caller"), to=self.invite.get("From"),
                from_=self.ok.get("To"), routes=routes[1], way=ways[1],
                cseq=self._next("callee")),
        ]

    def _next(self, who):
        highest = self.highest_cseq(who)
        return None if highest is None else highest + 1


def check_pair(wire, topology, call_id, cause, text, dialog=Dialog, since=0.0):
    """Both BYEs, and nothing besides, are what the clause asks for.

    dialog: who says what is expected; since: BYEs before are none of the pair.
    Returns them as they left, the one to the callee first.
    """
    byes = wire.where(call_id=call_id).requests("BYE")
    byes = type(byes)(bye for bye in byes if bye.time >= since)
    made = [bye for bye in byes if len(bye.values("Via")) == 1]
    assert len(made) == 2, "%d BYEs were made:\n%s" % (len(made), byes)
    expected = dialog(wire, topology, call_id).expected()
    found = [_check(byes, topology, bye, cause, text) for bye in expected]
    for hop in byes:
        assert wire.final_to(hop) is not None, "no answer to %s" % hop
    return found


def _check(byes, topology, expected, cause, text):
    hops = [m for m in byes if same_party(m.get("To"), expected.to)]
    assert hops, "no BYE to the %s: %s" % (expected.to_whom, byes)
    bye = hops[0]
    assert [topology.who_at(hop.dst) for hop in hops] == expected.way
    assert topology.who_at(bye.src) == "scscf"
    assert bye.uri == hops[-1].uri == expected.uri
    assert same_party(bye.get("From"), expected.from_), bye.get("From")
    assert bye.values("Route") == expected.routes
    assert hops[-1].values("Route") == []
    if expected.cseq is None:
        assert 0 <= bye.cseq < CSEQ_LIMIT
    else:
        assert bye.cseq == expected.cseq
    assert [reason(value) for hop in hops for value in hop.lines("Reason")] \
        == [("SIP", str(cause), text)] * len(hops)
    return bye


def reason(value):
    """(protocol, cause, text) of a Reason header (RFC 3326), quoting undone."""
    pattern = r'\s*;\s*([\w-]+)\s*=\s*("(?:\\.|[^"\\])*"|[^\s;"]+)'
    protocol = re.match(r"[\w.!%*+`'~-]+", value).group()
    rest = value[len(protocol):]
    assert re.fullmatch("(%s)*" % pattern, rest), "malformed Reason: " + value
    params = {name.lower(): _unquote(text) for name, text in re.findall(pattern, rest)}
    return protocol, params.get("cause"), params.get("text")


def _unquote(text):
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
