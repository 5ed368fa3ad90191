# SPDX-License-Identifier: GPL-2.0-or-later
"""What each party does when its session is released at a point of the flow."""

import dataclasses

from .model import CAUSE, WHILE, Act, Transaction

# Milliseconds. LATE: what is to come after the release comes so long after the point.
# BRIEFLY: so that what the network sends at once is there before.
LATE = 450
BRIEFLY = 100

# What the S-CSCF answers by itself when the session goes.
ANSWERED_BY_NETWORK = {"INVITE": "487", "UPDATE": "481"}
ANSWERED_BY_PEER = {"INVITE": "487", "BYE": "200"}

BYE = Transaction("BYE")


class Ending:
    """Of one party, for one stop."""

    def __init__(self, stop, party):
        self.stop, self.party = stop, party
        self.session = stop.session
        self.acts = []

    def build(self):
        """The acts that take the place of the rest of the flow."""
        if self.stop.live and self.party in self.session.parties:
            getattr(self, "_" + self.session.phase)()
        rest = self._rest()
        if rest and rest[0].kind != "recv" and not self.acts:
            self._pause(LATE)
        elif rest and rest[0].kind == "pause":
            self._pause(LATE + BRIEFLY)
        return self.acts + rest

    def _rest(self):
        """Other sessions go on; those that had not begun do not begin any more."""
        others = {name for name in self.stop.sessions if name != self.session.name}
        if not self.stop.live:
            return [act for act in self.stop.after if act.party == self.party]
        kept, rest = [], []
        for act in self.stop.after:
            if act.session not in others or act.kind == "pause":
                continue
            if act.party == self.party:
                if act.kind == "send" and not self._follows(kept):
                    rest.append(self._act("pause", str(WHILE)))
                rest.append(act)
            kept.append(act)
        return rest

    def _follows(self, kept):
        """Whether this party knows that it is its turn: the last step was its own."""
        return not kept or self.party in (act.party for act in kept[-2:])

    # -- the phases ----------------------------------------------------------

    def _early(self):
        if self.party == self.session.caller:
            self._final_response()
        else:
            self._cancelled(self.session.branches[self.party])

    def _final_response(self):
        invite = self.session.invite()
        self._recv(str(CAUSE), invite)
        self._send("ACK", invite)
        for txn in self.session.pending(client=self.party):
            self._recv("481", txn)

    def _cancelled(self, status):
        if status == "gone" or self.party in self.stop.flow.silent:
            return
        invite = next(t for t in self.session.servers[self.party] if t.initial)
        if status == "called":
            self._pause(LATE)
            self._send("180", invite)
        if status in ("called", "ringing"):
            cancel = dataclasses.replace(invite, method="CANCEL", number=None)
            self._recv("CANCEL", cancel)
            self._send("200", cancel)
        else:
            self._pause(LATE)
        self._send("487", invite)
        self._recv("ACK", invite)
        for txn in self.session.pending(server=self.party):
            self._send("481", txn)

    def _answered(self):
        """No BYE before the ACK, which may take its time."""
        ack = Transaction("ACK", self.session.caller, self.session.acknowledged, 900)
        if self.party == self.session.caller:
            self._pause(LATE)
            self._send("ACK", ack)
        else:
            self._recv("ACK", ack)
        self._bye()

    def _confirmed(self):
        mine = self.session.pending(client=self.party)
        theirs = self.session.pending(server=self.party)
        for txn in mine:
            if txn.method in ANSWERED_BY_NETWORK:
                self._recv(ANSWERED_BY_NETWORK[txn.method], txn)
                if txn.method == "INVITE":
                    self._send("ACK", txn)
        self._bye()
        for txn in theirs:
            self._pause(BRIEFLY)
            self._send(ANSWERED_BY_PEER.get(txn.method, "481"), txn)
            if txn.method == "INVITE":
                self._recv("ACK", txn)
        for txn in mine:
            if txn.method not in ANSWERED_BY_NETWORK:
                self._recv(ANSWERED_BY_PEER.get(txn.method, "481"), txn)

    def _bye(self):
        self._recv("BYE", BYE)
        self._send("200", BYE)

    # -- acts ----------------------------------------------------------------

    def _act(self, kind, what, txn=None):
        return Act(self.party, self.session.name, kind, what, txn,
                   contact=self.session.contacts.get(self.party, 1))

    def _add(self, kind, what, txn=None):
        self.acts.append(self._act(kind, what, txn))

    def _send(self, what, txn):
        self._add("send", what, txn)

    def _recv(self, what, txn):
        self._add("recv", what, txn)

    def _pause(self, milliseconds):
        self._add("pause", str(milliseconds))
