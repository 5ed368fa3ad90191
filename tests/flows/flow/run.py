# SPDX-License-Identifier: GPL-2.0-or-later
"""One flow played by SIPps through an S-CSCF, to its end or to a release."""

import os
import time

from rig.kamailio import RpcFault
from rig.network import ABROAD, HOME
from rig.process import RigError, wait_until
from rig.sipp import Sipp

from . import network as networks
from .check import (TEXT, Released, counted, difference, expected_acts, involved,
                    next_cseq, observed)
from .model import CAUSE
from .scenario import FIRST, ROLES, USERS

# Milliseconds in which nothing else may come once a scenario is through.
QUIET = 150
# Seconds in which a SIPp with several sessions finds its way out of the main line.
SETTLE = 0.04
HOSTS = {"A": 1, "B": 2, "C": 3}

# How often a flow is begun anew when the machine was too slow to release it in time.
TRIES = 3


def play(network, flow, stop=None, module=True):
    """Plays a flow; the Run, which went well."""
    for left in reversed(range(TRIES)):
        run = Run(network, flow, stop, module)
        try:
            return run.play()
        except AssertionError:
            if not left or not run.moved_on():
                raise


class Run:
    """stop: where it is released; None: nowhere. module: whether it is loaded."""

    def __init__(self, network, flow, stop=None, module=True):
        self.network, self.flow, self.stop = network, flow, stop
        number = network.next_run()
        self.id = "run%04d" % number
        # always of the same length, so that Content-Length is too
        self._subnet = "127.1%02d.1%02d." % divmod(number, 100)
        self._kamailio = network.scscf if module else network.bare
        self.scscf = networks.WITH_MODULE if module else networks.WITHOUT
        self.parties = involved(flow, stop)
        self.released_at = None
        self._sipps = []
        self._folder = os.path.join(network.case.folder, "%s-%s" % (
            stop or flow.number, self.id))

    # -- names -----------------------------------------------------------------

    def address(self, party):
        return self._subnet + str(HOSTS[party])

    def party_at(self, endpoint):
        host = endpoint.partition(":")[0]
        return next((p for p in HOSTS if self.address(p) == host), None)

    def call_id(self, session):
        prefix = "" if session == FIRST else session + "///"
        return "%s%s-%s" % (prefix, self.flow.number, self.id)

    def session_of(self, call_id):
        prefix, found, _ = call_id.partition("///")
        return prefix if found else FIRST

    def _user(self, party):
        return "%s-%s" % (USERS[party], self.id)

    def _impu(self, party):
        """The public identity with which a user calls."""
        if self.flow.anonymous:
            return "sip:anonymous@anonymous.invalid"
        home = HOME if self.flow.served == "calling" else ABROAD
        return "sip:%s@%s" % (self._user(party), home)

    def _contact(self, party):
        return "sip:%s@%s:5060" % (self._user(party), self.address(party))

    def _uri(self, party):
        """Where a user is called: at home when he is served, else as he is known."""
        if self.flow.served == "called" and party == "B":
            return "sip:%s@%s" % (self._user(party), HOME)
        return self._contact(party)

    def _keys(self):
        keys = {user: '"%s" <%s>' % (user.title(), self._impu(party))
                for party, user in USERS.items()}
        keys.update({"at_" + user: self._uri(party) for party, user in USERS.items()})
        return keys

    def cseq_of(self, message):
        """As the model has it, where no side has sent anything yet."""
        number, method = message.get("CSeq").split()
        return "%s %s" % ("random" if self._is_random(message) else number, method)

    def _is_random(self, message):
        """Whether it is of a BYE to a party whose peer has sent nothing."""
        if self.released_at is None or message.method != "BYE" or not self.stop.live:
            return False
        session = self.stop.session
        server = self.party_at(message.dst if message.is_request else message.src)
        return (self.session_of(message.call_id) == session.name
                and server in session.parties
                and next_cseq(session, server) is None)

    # -- what is there -----------------------------------------------------------

    def wire(self):
        return self.network.recorder.of(self.id)

    def names(self):
        """What in the messages is of this run alone."""
        return {self.id: "run", self._subnet: "127.run.", self.scscf: "127.scscf"}

    # -- life --------------------------------------------------------------------

    def play(self):
        """From the first message to the last."""
        os.makedirs(self._folder, exist_ok=True)
        self._provision()
        try:
            self._start()
            if self.stop is not None:
                self._release()
            for sipp in self._sipps:
                sipp.finish()
                _check_errors(sipp)
        except AssertionError as error:
            raise RigError("%s\n%s" % (error, self.wire()))
        finally:
            for sipp in self._sipps:
                sipp.kill()
        self._check()
        self.network.audits.append(self._check_messages)
        return self

    def _provision(self):
        rpc = self._kamailio.rpc
        rpc("htable.sets", "forward", self.call_id(FIRST), self._contact("C"))
        if self.flow.served == "called":
            rpc("ul.add", "location", self._uri("B").partition(":")[2],
                self._contact("B"), 3600, 1.0, "0", 0, 0, 8191)
        rpc("htable.sets", "password", self._user("A"), "secret")

    def _start(self):
        """Those who are called first."""
        for party in reversed(self.parties):
            sipp = Sipp(
                self.network.case.ns, self.flow.folder, ROLES[party], self._folder,
                (self.address(party), 5060), (self.scscf, 5060),
                call_id=self.call_id(FIRST), keys=self._keys(), quiet=QUIET,
                timeout=8, args=[
                    "-set", "stop", self.stop.name if self.stop else "nowhere",
                    "-au", self._user(party), "-ap", "secret"])
            self._sipps.append(sipp)
            if party != "A":
                sipp.wait_listening()

    def _release(self):
        self._wait_for_point()
        call_id = self.call_id(self.stop.session.name)
        if self.stop.live:
            self._wait_for_record(call_id)
        else:
            self._wait_for_no_record(call_id)
        if self.stop.several:
            time.sleep(SETTLE)
        self.released_at = time.time()
        try:
            job = self._kamailio.rpc(
                "ims_release.release", "callid", call_id, CAUSE, TEXT)
        except RpcFault as fault:
            assert fault.code == 404 and not self.stop.live, fault
            return
        assert self.stop.live, "a session that is over was released"
        assert job["matched"] == 1, job
        self._job = job["job"]

    def _wait_for_point(self):
        before = counted(self.stop.before)

        def reached():
            return not before - observed(self)

        try:
            wait_until(reached, 6)
        except RigError:
            raise RigError("the point is not reached:\n"
                           + difference(before, observed(self)))

    def moved_on(self):
        """Whether the flow had gone past the point before it was released."""
        if self.stop is None:
            return False
        return bool(observed(self, self.released_at) - counted(self.stop.before))

    def _wait_for_record(self, call_id):
        """The module knows what the model knows."""
        session, seen = self.stop.session, {}
        cseqs = [session.cseq.get(session.caller, 0),
                 session.cseq.get(session.callee, 0)]
        expected = (session.phase, *cseqs)

        def same():
            record = self._kamailio.rpc("ims_release.show", "callid", call_id)
            seen["now"] = (record["state"], record["caller"]["cseq"],
                           record["callee"]["cseq"])
            return seen["now"] == expected

        try:
            wait_until(same, 1)
        except RigError:
            raise RigError("the record is %s, not %s" % (seen["now"], expected))

    def _wait_for_no_record(self, call_id):
        def gone():
            try:
                self._kamailio.rpc("ims_release.show", "callid", call_id)
                return False
            except RpcFault as fault:
                return fault.code == 404

        wait_until(gone, 1, "no record of a session that is over")

    # -- verdict -----------------------------------------------------------------

    def _check(self):
        self._check_messages()
        if self.stop is None or not self.stop.live:
            return
        Released(self).check()
        self._wait_for_no_record(self.call_id(self.stop.session.name))
        job = wait_until(self._done, 1, "the job is done")
        assert (job["released"], job["failed"]) == (1, 0), job

    def _done(self):
        job = self._kamailio.rpc("ims_release.job", self._job)
        return job if job["state"] == "done" else None

    def _check_messages(self):
        expected = counted(expected_acts(self.flow, self.stop), self.stop)
        assert expected == observed(self), "%s\n%s" % (
            difference(expected, observed(self)), self.wire())


def _check_errors(sipp):
    """SIPp does not fail a call for a message out of turn, but it takes note of it."""
    path = os.path.join(sipp.folder, sipp.name + ".errors")
    if not os.path.exists(path):
        return
    with open(path, errors="replace") as file:
        notes = [line for line in file if "unexpected" in line]
    # a 100 may come while it works out which way to go
    out_of_turn = [line for line in notes if "received 'SIP/2.0 100 " not in line]
    assert not out_of_turn, "SIPp %s:\n%s" % (sipp.name, "".join(out_of_turn))
