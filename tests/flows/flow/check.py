# SPDX-License-Identifier: GPL-2.0-or-later
"""What passed, against what the model says must pass: no more and no less."""

import collections

from rig.pair import reason
from rig.sip import same_party, tag_of, uri_of

from .ending import Ending
from .model import CAUSE, acts_of

TEXT = "Gone"
CSEQ_LIMIT = 1 << 31

# Kamailio's own answers that the table leaves out.
TRYING = 100


def expected_acts(flow, stop):
    """All that the parties do, to the end."""
    if stop is None or not stop.live:
        return acts_of(flow)
    acts = list(stop.before)
    for party in involved(flow, stop):
        acts += Ending(stop, party).build()
    return acts


def involved(flow, stop):
    """The parties that a run has: who did not hear of the call yet stays out."""
    acts = acts_of(flow) if stop is None or not stop.live else stop.before
    return sorted({act.party for act in acts})


def counted(acts, stop=None):
    """(party, "send" or "recv", session, message) -> how often."""
    return collections.Counter(
        (a.party, a.kind, a.session, a.what, _cseq(a, stop))
        for a in acts if a.kind != "pause")


def _cseq(act, stop):
    """As the header has it; of a BYE of the network, one more than the highest."""
    method = act.what if not act.code else act.txn.method
    if method == "BYE" and not act.txn.number:
        number = next_cseq(stop.session, act.party)
    else:
        number = act.txn.cseq
    return "%s %s" % ("random" if number is None else number, method)


def next_cseq(session, party):
    """Of a BYE to that party: the other one's highest and one. None: a random one."""
    other = session.callee if party == session.caller else session.caller
    highest = session.cseq.get(other)
    return None if highest is None else highest + 1


def observed(run, until=None):
    """The same of what passed, seen at each party."""
    found = collections.Counter()
    for message in run.wire().once():
        if message.code == TRYING or until and message.time > until:
            continue
        what = message.method if message.is_request else str(message.code)
        for party, kind in ((run.party_at(message.src), "send"),
                            (run.party_at(message.dst), "recv")):
            if party:
                found[party, kind, run.session_of(message.call_id), what,
                      run.cseq_of(message)] += 1
    return found


def difference(expected, found):
    """In words; empty when they are the same."""
    lines = ["missing: %s %s" % (count, key)
             for key, count in (expected - found).items()]
    return "\n".join(lines + ["too much: %s %s" % (count, key)
                              for key, count in (found - expected).items()])


# -- what the network made ---------------------------------------------------


class Released:
    """The messages of one release, header by header."""

    def __init__(self, run):
        self.run, self.stop, self.session = run, run.stop, run.stop.session
        self.wire = run.wire().where(call_id=run.call_id(self.session.name))
        self.before = type(self.wire)(m for m in self.wire if m.time < run.released_at)
        self.after = type(self.wire)(m for m in self.wire if m.time >= run.released_at)

    def check(self):
        getattr(self, "_" + self.session.phase)()

    # -- early

    def _early(self):
        caller, scscf = self.session.caller, self.run.scscf
        for hop in self.after.requests("CANCEL", src=scscf):
            self._reason(hop)
            invite = self.wire.requests("INVITE", src=scscf, dst=hop.dst)[0]
            assert (hop.uri, hop.branch, hop.cseq) \
                == (invite.uri, invite.branch, invite.cseq)
            assert hop.get("From") == invite.get("From")
            assert hop.values("Route") == invite.values("Route")
        final = self.after.responses(
            CAUSE, method="INVITE", dst=self.run.address(caller)).once().one()
        self._reason(final)
        assert tag_of(final.get("To")), "no tag in " + final.get("To")
        assert not self.wire.requests("BYE")

    # -- answered, confirmed

    def _answered(self):
        ack = self.after.requests("ACK", dst=self.run.address(self.session.callee))
        byes = [m for m in self.after.requests("BYE") if len(m.values("Via")) == 1]
        assert min(bye.time for bye in byes) > ack[0].time, "BYE before the ACK"
        self._confirmed()

    def _confirmed(self):
        made = [m for m in self.after.requests("BYE", src=self.run.scscf)
                if len(m.values("Via")) == 1]
        assert len(made) == 2, made
        served = self.run.flow.served
        for party, through in ((self.session.callee, served == "calling"),
                               (self.session.caller, served == "called")):
            self._bye(party, through)
        assert not self.after.requests("CANCEL", src=self.run.scscf)

    def _bye(self, party, through_service_control):
        """One BYE: where it went, and each header field of the clause."""
        to, from_ = self._ends(party)
        hops = [m for m in self.after.requests("BYE", src=self.run.scscf)
                if same_party(m.get("To"), to)]
        way = [self.run.scscf] * through_service_control + [self.run.address(party)]
        assert [m.dst.partition(":")[0] for m in hops] == way, hops
        bye = hops[0]
        for hop in hops:
            assert hop.uri == self._target(party), hop.uri
            assert same_party(hop.get("From"), from_), hop.get("From")
            self._reason(hop)
            assert hop.cseq == bye.cseq
            assert self.wire.final_to(hop) == 200, "no 200 to %s" % hop
        routes = self._record_routes() if through_service_control else []
        assert [hop.values("Route") for hop in hops] == [routes, []][-len(hops):]
        expected = self._highest_cseq(tag_of(from_))
        assert bye.cseq == expected + 1 if expected else 0 <= bye.cseq < CSEQ_LIMIT

    def _ends(self, party):
        """To and From of the BYE to a party, by the INVITE and its 200."""
        invite = self._answered_invite()
        answer = self._answer_to(invite)
        ends = [invite.get("From"), answer.get("To")]
        return ends if party == self.session.caller else ends[::-1]

    def _answered_invite(self):
        """The INVITE as the callee got it."""
        return self.before.requests(
            "INVITE", dst=self.run.address(self.session.callee))[0]

    def _answer_to(self, invite):
        return self.before.responses(200, method="INVITE", branch=invite.branch)[0]

    def _record_routes(self):
        return self._answered_invite().values("Record-Route")

    def _highest_cseq(self, tag):
        """Of the requests of one side, refused ones too; 0 for none."""
        return max((m.cseq for m in self.before.requests()
                    if tag_of(m.get("From")) == tag), default=0)

    def _target(self, party):
        """The Contact that it gave last in an INVITE or UPDATE that got a 2xx."""
        address, given = self.run.address(party), []
        for answer in self.before.responses(dst=self.run.scscf):
            if answer.method not in ("INVITE", "UPDATE") or answer.code // 100 != 2:
                continue
            if answer.src.startswith(address + ":"):
                given.append(answer)
            given += [m for m in self.before.requests(answer.method, src=address)
                      if m.get("CSeq") == answer.get("CSeq")
                      and tag_of(m.get("From")) == tag_of(answer.get("From"))]
        return uri_of(max(given, key=lambda m: m.time).get("Contact"))

    # -- both

    def _reason(self, message):
        values = message.lines("Reason")
        assert [reason(v) for v in values] == [("SIP", str(CAUSE), TEXT)], message


def got(stop):
    """Party -> in words, what the network sent it in the release."""
    if not stop.live:
        return {party: "nothing (404)" for party in stop.session.parties}
    return {party: _words(stop, party) for party in stop.session.parties}


def _words(stop, party):
    words = [_word(act, stop, party) for act in Ending(stop, party).build()
             if act.session == stop.session.name and act.kind == "recv"
             and act.what != "ACK"]
    return ", ".join(words) or "nothing"


def _word(act, stop, party):
    if act.code:
        return "%s to its %s" % (act.what, act.txn.method)
    if act.what == "CANCEL":
        return "CANCEL"
    number = next_cseq(stop.session, party)
    return "BYE random" if number is None else "BYE %d" % number
