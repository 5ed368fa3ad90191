# SPDX-License-Identifier: GPL-2.0-or-later
"""What the table says of each session at each point, and what each party does."""

import copy
import dataclasses

from .table import Point

# Where each user's CSeqs begin, so that no two sides have the same.
FIRST_CSEQ = {"A": 1, "B": 101, "C": 201}

# Milliseconds that `later` is.
WHILE = 150

# The cause of every release.
CAUSE = 503

# A target refresh (RFC 3261 12.2, RFC 3311) names a new Contact, as does its answer.
REFRESH = ("INVITE", "UPDATE")


@dataclasses.dataclass(frozen=True)
class Transaction:
    """number: of the request within its flow; None: of the network's making."""

    method: str
    client: str = "P"
    cseq: int = 0
    number: int = None
    initial: bool = False


@dataclasses.dataclass(frozen=True)
class Act:
    """What one party does: it sends or receives a message, or it pauses."""

    party: str
    session: str
    kind: str                       # "send", "recv" or "pause"
    what: str                       # method, code, or milliseconds
    txn: Transaction = None
    words: frozenset = frozenset()
    contact: int = 0

    @property
    def code(self):
        return int(self.what) if self.what.isdigit() else None


@dataclasses.dataclass
class Session:
    """A session as far as it got. Its phase is none, early, answered, confirmed, over.

    branches: callee -> "called" (no provisional response yet), "ringing", "cancelled"
    (it has the CANCEL) or "gone".
    """

    name: str
    caller: str
    callee: str = None
    phase: str = "none"
    branches: dict = dataclasses.field(default_factory=dict)
    cseq: dict = dataclasses.field(default_factory=dict)
    contacts: dict = dataclasses.field(default_factory=dict)
    clients: list = dataclasses.field(default_factory=list)
    servers: dict = dataclasses.field(default_factory=dict)
    acknowledged: int = 0           # the CSeq that an ACK to a 2xx has

    @property
    def live(self):
        return self.phase in ("early", "answered", "confirmed")

    @property
    def parties(self):
        others = set(self.branches)
        if self.phase in ("answered", "confirmed"):
            others = {self.callee}
        return {self.caller} | others

    def pending(self, client=None, server=None):
        """Requests without a final response, but for the INVITE of an early session.

        Of one client; or those that one party has to answer.
        """
        found = self.clients if server is None else self.servers.get(server, [])
        return [txn for txn in found if client in (None, txn.client)
                and not (txn.initial and txn.method == "INVITE")]

    def invite(self):
        """The transaction that an early session is."""
        return next(txn for txn in self.clients if txn.initial)


class Model:
    """The flow, played on paper."""

    def __init__(self, flow):
        self.flow = flow
        self.sessions = {}
        self.last = None
        self._numbers = 0

    def play(self):
        """Yields a line and the acts that it asks for, one line after the other."""
        for line in self.flow.lines:
            yield line, [] if isinstance(line, Point) else self.apply(line)

    def apply(self, step):
        session = self.sessions.setdefault(
            step.session, Session(step.session, caller=step.src))
        self.last = session
        if step.code:
            return self._response(session, step)
        if step.what == "CANCEL":
            return self._cancel(session, step)
        return self._request(session, step)

    def _act(self, session, kind, party, what, txn, words=frozenset()):
        if party == "P":
            return []
        return [Act(party, session.name, kind, what, txn, words,
                    session.contacts.get(party, 1))]

    def _request(self, session, step):
        txn = self._transaction(session, step)
        if step.what != "ACK":
            if step.src != "P":
                session.clients.append(txn)
            if step.dst != "P":
                session.servers.setdefault(step.dst, []).append(txn)
        elif session.phase == "answered":
            session.phase = "confirmed"
        if txn.initial and txn.method == "INVITE":
            session.phase = "early"
            if step.dst != "P":
                session.branches[step.dst] = "called"
                session.callee = step.dst
        elif step.what in REFRESH:
            self._moves(session, step.src)
        acts = self._act(session, "send", step.src, step.what, txn, step.words)
        if "later" in step.words:
            acts = self._act(session, "pause", step.src, str(WHILE), None) + acts
        return acts + self._act(session, "recv", step.dst, step.what, txn, step.words)

    def _transaction(self, session, step):
        if step.src == "P":
            # a branch more
            return session.invite()
        self._numbers += 1
        if step.what == "ACK":
            return Transaction("ACK", step.src, session.acknowledged, self._numbers)
        initial = not session.live
        cseq = session.cseq.get(step.src, FIRST_CSEQ[step.src] - 1) + 1
        if initial and step.what in ("INVITE", "REGISTER"):
            session.branches = {}
        else:
            initial = False
        session.cseq[step.src] = cseq
        return Transaction(step.what, step.src, cseq, self._numbers, initial)

    @staticmethod
    def _moves(session, party):
        session.contacts[party] = session.contacts.get(party, 1) + 1

    def _cancel(self, session, step):
        txn = session.invite()
        cancel = dataclasses.replace(txn, method="CANCEL", number=None)
        if step.dst in session.branches:
            session.branches[step.dst] = "cancelled"
        acts = self._act(session, "send", step.src, "CANCEL", txn)
        acts += self._act(session, "recv", step.src, "200", cancel)
        acts += self._act(session, "recv", step.dst, "CANCEL", cancel)
        return acts + self._act(session, "send", step.dst, "200", cancel)

    def _response(self, session, step):
        final = step.code >= 200
        server = self._last(session.servers.get(step.src), final)
        client = self._last(
            [t for t in session.clients if t.client == step.dst], final)
        if client and final:
            session.clients.remove(client)
        txn = server or client
        if txn.method in REFRESH and not txn.initial and step.code // 100 == 2:
            self._moves(session, step.src)
        self._advance(session, step, txn)
        acts = self._act(session, "send", step.src, step.what, txn, step.words)
        acts += self._act(session, "recv", step.dst, step.what, txn, step.words)
        if txn.method == "INVITE" and step.code >= 300:
            acts += self._act(session, "recv", step.src, "ACK", txn)
            acts += self._act(session, "send", step.dst, "ACK", txn)
        return acts

    @staticmethod
    def _last(transactions, final):
        if not transactions:
            return None
        return transactions.pop() if final else transactions[-1]

    def _advance(self, session, step, txn):
        code = step.code
        if txn.method == "BYE" and code // 100 == 2:
            session.phase = "over"
        if txn.method != "INVITE":
            return
        if code // 100 == 2:
            session.acknowledged = txn.cseq
        if not txn.initial:
            return
        if code < 200:
            session.branches[step.src] = "ringing"
        elif code < 300:
            session.phase, session.callee = "answered", step.src
        else:
            if step.src != "P":
                session.branches[step.src] = "gone"
            if step.dst != "P":
                session.phase = "over"


@dataclasses.dataclass
class Stop:
    """A release: the point, the session, and what the model knew there.

    before: the acts until then; after: those that the rest of the flow holds.
    """

    flow: object
    point: str
    session: Session
    sessions: dict
    before: list
    after: list
    several: bool

    @property
    def name(self):
        """As the scenarios know it."""
        suffix = "-" + self.session.name if self.several else ""
        return self.point + suffix

    @property
    def live(self):
        return self.session.live

    def __str__(self):
        return "%s-%s" % (self.flow.number, self.name)


def acts_of(flow):
    """All that the parties do when nothing is released."""
    return [act for _, acts in Model(flow).play() for act in acts]


def stops_of(flow):
    """Every release of a flow: at each point each session there is, and the last one
    that there was when it is over."""
    model, stops, before, everything = Model(flow), [], [], acts_of(flow)
    several = len({step.session for step in flow.steps}) > 1
    for line, acts in model.play():
        before += acts
        if not isinstance(line, Point):
            continue
        sessions = copy.deepcopy(model.sessions)
        for session in sessions.values():
            if session.live or session.name == model.last.name:
                stops.append(Stop(flow, line.name, session, sessions, list(before),
                                  everything[len(before):], several))
    return stops
