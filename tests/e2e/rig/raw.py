# SPDX-License-Identifier: GPL-2.0-or-later
"""A call between scripted user agents, brought to where a release is to meet it.

    scene = Scene(network(CALLED)).invite().ring()
    scene.release()
    scene.refused(503)
    scene.cancelled()
    scene.over()
"""

import json
import os
import socket

from .kamailio import RpcFault
from .pair import reason
from .process import RigError, wait_until
from .sip import Wire, tag_of
from .ua import UserAgent

CAUSE, TEXT = 503, "Gone"
THIRD = "127.0.0.23"    # where a second contact of the called user is
TAG = "callee-one"


def reasons(message):
    return [reason(value) for value in message.values("Reason")]


def check_reason(message, cause=CAUSE, text=TEXT, others=()):
    """One header line; others: the values beside SIP's."""
    assert len(message.lines("Reason")) == 1
    assert reasons(message) == [("SIP", str(cause), text), *others], \
        message.lines("Reason")


def either(ua, *whats, timeout=5.0):
    """The first of those that comes."""
    def one():
        for what in whats:
            message = maybe(ua, what)
            if message:
                return message
        return None
    return wait_until(one, timeout, "%s: any of %s" % (ua.hostport, whats))


def maybe(ua, what, timeout=0.01):
    """What may come and may not."""
    try:
        return ua.receive(what, timeout)
    except RigError:
        return None


def drain(*whats):
    """Takes what came twice: pairs of a user agent and a method or code."""
    while any(maybe(*what) for what in whats):
        pass


def contact_of(ua):
    return "Contact", "<sip:ua@%s>" % ua.hostport


class Scene:
    """Both parties, and what has passed between them so far.

    caller, callee   the user agents; `third` has the called user's second contact
    call             the caller's dialog, `party` the callee's
    offered          the INVITE as the callee got it
    final            the response of ours that the caller got, if any
    """

    def __init__(self, net, third=False):
        self.net, self.topology, self.scscf = net, net.topology, net.scscf
        self.caller, self.callee = net.agent("caller"), net.agent("callee")
        # ims_dialog says so of our own requests for a 2xx that came late: to it the
        # dialog ended with the INVITE
        self.scscf.expect_log("unable to find dialog for (ACK|BYE) with route param")
        self.third = None
        if third:
            net.bind(self.topology.called_impu, "sip:bob@%s:5060" % THIRD)
            self.third = UserAgent(
                net.case, (THIRD, 5060), net.address("scscf"))
        self.call = self.party = self.offered = self.job = self.final = None

    # -- the call --------------------------------------------------------------

    def invite(self, twice=False, **kwargs):
        """The first INVITE; twice: the network doubles it."""
        topology = self.topology
        self.call = self.caller.invite(
            topology.called_impu, topology.caller_impu, topology.called_impu, **kwargs)
        if twice:
            self.caller.send(self.call.invite.data)
        self.offered = self.callee.receive("INVITE")
        return self

    @property
    def call_id(self):
        return self.call.call_id

    def ring(self, code=180, tag=TAG, headers=()):
        """A provisional response; the caller's early dialog and the callee's."""
        self.party = self.callee.answer(self.offered, code, tag, headers=headers)
        self.call.establish(self.caller.receive(code))
        return self

    def answer(self, tag=TAG):
        """A 2xx that is not acknowledged yet."""
        self.party = self.callee.answer(self.offered, 200, tag)
        self.call.establish(self.caller.receive(200))
        return self

    def confirm(self):
        self.call.acknowledge()
        self.callee.receive("ACK")
        # it is noted when it has been sent on
        wait_until(lambda: "answered" not in self.states(), 1, "the ACK is noted")
        return self

    def states(self):
        """Of all sessions with the Call-ID; none, when it cannot be asked for."""
        try:
            shown = self.scscf.rpc("ims_release.list", "callid", self.call_id)
        except RpcFault:
            return []
        return [entry["state"] for entry in shown["sessions"]]

    def connect(self):
        """All of it."""
        return self.invite().ring().answer().confirm()

    def within(self, who, method, code=200, contact=None):
        """A request of one side that the other answers."""
        dialog, asker, asked = self.sides(who)
        dialog.request(method, contact=contact)
        asked.respond(asked.receive(method), code, headers=[contact_of(asked)])
        asker.receive(code)
        if method == "INVITE" and code < 300:
            dialog.request("ACK", cseq=dialog.cseq)
            asked.receive("ACK")
        return self

    def sides(self, who):
        """The dialog of that side, its user agent, that of the other side."""
        if who == "caller":
            return self.call, self.caller, self.callee
        return self.party, self.callee, self.caller

    # -- the release -----------------------------------------------------------

    def release(self, cause=CAUSE, text=TEXT):
        self.job = self.scscf.rpc(
            "ims_release.release", "callid", self.call_id, cause, text)["job"]
        return self

    def trigger_many(self, count):
        """So many triggers, none waiting for the reply of another."""
        fire(self.scscf, "ims_release.release", ["callid", self.call_id, CAUSE, TEXT],
             count)
        return self

    def state(self):
        return self.scscf.rpc("ims_release.show", "callid", self.call_id)["state"]

    def await_state(self, state):
        wait_until(lambda: self.state() == state, 5, "state " + state)
        return self

    # -- what an early release brings --------------------------------------------

    def refused(self, code=CAUSE, cause=CAUSE, text=TEXT, ack=True):
        """The caller gets that final response, with the Reason, and acknowledges."""
        self.final = self.caller.receive(code)
        check_reason(self.final, cause, text)
        assert tag_of(self.final.get("To")), "no tag in " + self.final.get("To")
        if ack:
            self.call.acknowledge_failure(self.final)
        return self.final

    def cancelled(self, ua=None, offered=None, tag=TAG, cause=CAUSE, text=TEXT):
        """A callee gets the CANCEL and gives in."""
        ua, offered = ua or self.callee, offered or self.offered
        cancel = self.expect_cancel(ua, offered, cause, text)
        ua.respond(cancel, 200, tag=tag)
        ua.respond(offered, 487, tag=tag)
        ua.receive("ACK")
        return cancel

    def expect_cancel(self, ua=None, offered=None, cause=CAUSE, text=TEXT):
        cancel = (ua or self.callee).receive("CANCEL")
        offered = offered or self.offered
        assert cancel.uri == offered.uri and cancel.branch == offered.branch
        assert cancel.cseq == offered.cseq
        check_reason(cancel, cause, text)
        return cancel

    # -- the pair ----------------------------------------------------------------

    def take_byes(self):
        """Both parties get their BYE and answer it: (the callee's, the caller's)."""
        return tuple(self.take_bye(ua) for ua in (self.callee, self.caller))

    def take_bye(self, ua, code=200):
        bye = ua.receive("BYE")
        check_reason(bye)
        assert bye.call_id == self.call_id
        ua.respond(bye, code)
        return bye

    def settle(self, until):
        """Answers each BYE as a user agent does, until that is true.

        Only the first meets a dialog. Returns the BYEs that came: (callee's, caller's).
        """
        byes = [], []

        def quiet():
            more = False
            for ua, came in zip((self.callee, self.caller), byes):
                bye = maybe(ua, "BYE")
                if bye:
                    ua.respond(bye, 481 if came else 200)
                    came.append(bye)
                    more = True
            return not more and until()

        wait_until(quiet, 5, "an end")
        return byes

    # -- afterwards --------------------------------------------------------------

    def report(self, job=None):
        """The job, when it is done."""
        def done():
            info = self.scscf.rpc("ims_release.job", job or self.job)
            return info if info["state"] == "done" else None
        return wait_until(done, 8, "the job is done")

    def over(self, released=1, failed=0, timeout=5):
        """The release ended so, and nothing more comes to anybody."""
        if self.job:
            report = self.report()
            assert (report["released"], report["failed"]) == (released, failed), report
        if self.final:
            self.no_record_left(timeout)
        else:
            self.nothing_left(timeout)
        for ua in filter(None, (self.caller, self.callee, self.third)):
            ua.silent(0.05)
        return self

    def nothing_left(self, timeout=5):
        nothing_left(self.scscf, timeout)

    def no_record_left(self, timeout=5):
        """As above, but tm may keep a cancelled INVITE, and with it the dialog."""
        nothing_left(self.scscf, timeout, of=("sessions", "releasing", "records"))

    def wire(self):
        return Wire(self.net.case.wire().where(call_id=self.call_id))


def nothing_left(scscf, timeout=5.0, of=None):
    """Until neither a record, a dialog nor a transaction is left."""
    def left():
        statistics = scscf.statistics()
        found = {"sessions": statistics["sessions"],
                 "releasing": statistics["releasing"], "records": live_records(scscf),
                 "dialogs": scscf.dialogs(), "transactions": scscf.transactions()}
        return {name: found[name] for name in of or found if found[name]}

    try:
        wait_until(lambda: not left(), timeout, interval=0.02)
    except AssertionError:
        raise AssertionError("left: %s" % left()) from None


def live_records(scscf):
    """The records of sessions that are not released yet."""
    sessions = scscf.rpc("ims_release.list", "all", "*")["sessions"]
    return [entry for entry in sessions if entry["state"] != "released"]


def fire(scscf, method, params, count=1):
    """RPCs whose replies nobody waits for."""
    own = os.path.join(scscf.run_dir, "fire-%d" % os.getpid())
    request = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(own)
        try:
            for _ in range(count):
                sock.sendto(json.dumps(request).encode(),
                            scscf.run_dir + "/kamailio_rpc.sock")
            sock.settimeout(10)
            for _ in range(count):
                sock.recv(1 << 16)
        finally:
            os.unlink(own)
