# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted user agent, for what SIPp cannot do.

It sends and receives one message at a time, as the test says, and does nothing by
itself: no retransmission, no automatic answer.

    caller, callee = UserAgent(case, topology, "caller"), UserAgent(...)
    dialog = caller.invite(ruri, "sip:alice@ims.example", "sip:bob@ims.example")
    invite = callee.receive("INVITE")
    answer = callee.answer(invite, 200)          # a Dialog, seen by the callee
    dialog.confirm(caller.receive(200))          # sends the ACK
"""

import itertools
import socket
import time

from .process import RigError
from .sip import Message, canonical, tag_of, uri_of, without_tag

_unique = itertools.count(1)


def compose(start_line, headers, body=b""):
    """The bytes of a message; headers: (name, value) pairs."""
    lines = [start_line] + ["%s: %s" % header for header in headers]
    lines += ["Content-Length: %d" % len(body), "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + body


class UserAgent:
    """One SIP socket in the namespace of a case."""

    def __init__(self, case, address, remote, transport="udp"):
        self.address, self.remote, self.transport = address, remote, transport
        self._family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._ns = case.ns
        self._buffer = b""
        self._inbox = []
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self._socket = self._listener = case.ns.socket(self._family, kind)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(address)
        if transport == "tcp":
            self._listener.listen()
            self._socket = None
        case.add(self)

    def kill(self):
        for sock in {self._socket, self._listener} - {None}:
            sock.close()

    @property
    def hostport(self):
        form = "[%s]:%d" if ":" in self.address[0] else "%s:%d"
        return form % self.address

    def via(self):
        return ("Via", "SIP/2.0/%s %s;branch=z9hG4bK-ua-%d" % (
            self.transport.upper(), self.hostport, next(_unique)))

    # -- bytes ---------------------------------------------------------------

    def send(self, data, to=None):
        """Sends bytes, malformed ones too, to the S-CSCF or to another address."""
        if self.transport == "udp":
            self._socket.sendto(data, to or self.remote)
        else:
            self._connection(dial=True).sendall(data)

    def _connection(self, dial=False):
        if self._socket is None and dial:
            self._socket = self._ns.socket(self._family, socket.SOCK_STREAM)
            self._socket.connect(self.remote)
        elif self._socket is None:
            self._socket = self._listener.accept()[0]
        return self._socket

    def _read(self, timeout):
        """The next message of the socket; None when none comes in time."""
        self._listener.settimeout(timeout)
        try:
            if self.transport == "udp":
                return Message(self._socket.recv(1 << 16))
            connection = self._connection()
            connection.settimeout(timeout)
            while not self._complete():
                more = connection.recv(1 << 16)
                if not more:
                    return None
                self._buffer += more
        except TimeoutError:
            return None
        data, self._buffer = self._complete(), self._buffer[len(self._complete()):]
        return Message(data)

    def _complete(self):
        """The first whole message of the stream, or nothing."""
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        length = int(Message(head).get("Content-Length") or 0) if end else 0
        whole = len(head) + len(end) + length
        return self._buffer[:whole] if end and len(rest) >= length else b""

    # -- messages ------------------------------------------------------------

    def receive(self, what, timeout=5.0):
        """The next request of that method or response of that code.

        What else comes is kept for a later receive; 100 is not kept.
        """
        end = time.monotonic() + timeout
        for message in self._inbox:
            if what in (message.code, message.is_request and message.method):
                self._inbox.remove(message)
                return message
        while time.monotonic() < end:
            message = self._read(max(0.001, end - time.monotonic()))
            if message is None:
                break
            if what in (message.code, message.is_request and message.method):
                return message
            if message.code != 100:
                self._inbox.append(message)
        raise RigError("%s: no %s; there is %s" % (self.hostport, what, self._inbox))

    def silent(self, seconds=0.3):
        """Fails when anything comes within that time, or has come."""
        message = self._inbox or self._read(seconds)
        assert not message, "%s: unexpected %s" % (self.hostport, message)

    def respond(self, request, code, reason="Said the Test", tag=None, headers=(),
                body=b""):
        """Answers a request; a tag is added to a To that has none."""
        copied = [(name, value) for name, value in request.headers
                  if canonical(name) in ("via", "record-route", "from", "to",
                                         "call-id", "cseq")]
        if tag and not tag_of(request.get("To")):
            copied = [(name, value + ";tag=" + tag if canonical(name) == "to"
                       else value) for name, value in copied]
        self.send(compose("SIP/2.0 %d %s" % (code, reason),
                          copied + list(headers), body))

    def answer(self, invite, code=200, tag="ua-callee", contact=None, headers=()):
        """Answers an INVITE with a Contact; the dialog as this side has it.

        Several tags for one INVITE are several dialogs, as a fork makes them.
        """
        contact = contact or "<sip:ua@%s>" % self.hostport
        self.respond(invite, code, tag=tag,
                     headers=[("Contact", contact), *headers])
        return Dialog(self, local="%s;tag=%s" % (invite.get("To"), tag),
                      remote=invite.get("From"), call_id=invite.call_id,
                      target=uri_of(invite.get("Contact")),
                      routes=invite.values("Record-Route"), contact=contact)

    def invite(self, ruri, from_, to, contact=None, call_id=None, routes=(),
               headers=(), cseq=1, tag="ua-caller"):
        """Sends an INVITE; the dialog as it is so far. from_ and to: name-addrs."""
        dialog = Dialog(
            self, local="%s;tag=%s" % (_bracketed(from_), tag),
            remote=_bracketed(to), routes=list(routes), target=ruri, cseq=cseq - 1,
            call_id=call_id or "ua-%d@%s" % (next(_unique), self.address[0]),
            contact=contact or "<sip:ua@%s>" % self.hostport)
        dialog.request("INVITE", headers=headers)
        return dialog

    def resume(self, invite, answer):
        """The caller's side of a dialog that SIPp set up, from the two messages."""
        dialog = Dialog(self, local=invite.get("From"), remote=None, routes=[],
                        call_id=invite.call_id, target=None, cseq=invite.cseq,
                        contact=invite.get("Contact"))
        dialog.invite = invite
        return dialog.establish(answer)


def _bracketed(value):
    return value if "<" in value else "<%s>" % value


class Dialog:
    """What one side knows of a dialog, and the requests that it sends in it."""

    def __init__(self, ua, local, remote, call_id, target, routes, contact, cseq=0):
        self.ua, self.local, self.remote, self.call_id = ua, local, remote, call_id
        self.target, self.routes, self.contact = target, routes, contact
        self.cseq = cseq
        self.invite = None

    def build(self, method, cseq=None, headers=(), body=b"", contact=None):
        """The bytes of a request; cseq is one more than the last unless told."""
        if cseq is None:
            self.cseq += method not in ("ACK", "CANCEL")
            cseq = self.cseq
        fields = [self.ua.via(), ("Max-Forwards", "70"), ("From", self.local),
                  ("To", self.remote), ("Call-ID", self.call_id),
                  ("CSeq", "%d %s" % (cseq, method)),
                  ("Contact", contact or self.contact)]
        fields += [("Route", route) for route in self.routes]
        return compose("%s %s SIP/2.0" % (method, self.target),
                       fields + list(headers), body)

    def request(self, method, **kwargs):
        """Sends a request; the message that was sent."""
        data = self.build(method, **kwargs)
        self.ua.send(data)
        message = Message(data)
        if method == "INVITE":
            self.invite = message
        return message

    def establish(self, response):
        """Takes tag, target and routes from a response to the first INVITE."""
        self.remote = response.get("To")
        self.target = uri_of(response.get("Contact"))
        self.routes = response.values("Record-Route")[::-1]
        return self

    def fork(self, response):
        """Another dialog of the same INVITE, for a response with another tag."""
        other = Dialog(self.ua, self.local, without_tag(self.remote), self.call_id,
                       self.target, [], self.contact, self.cseq)
        other.invite = self.invite
        return other.establish(response)

    def confirm(self, response):
        """The ACK for a 2xx to the first INVITE."""
        self.establish(response)
        return self.acknowledge()

    def acknowledge(self):
        return self.request("ACK", cseq=self.invite.cseq)

    def acknowledge_failure(self, response):
        """The ACK to a final response of 300 and above: of the INVITE's own hop."""
        self.ua.send(compose(
            "ACK %s SIP/2.0" % self.invite.uri,
            self._of_invite(to=response.get("To"), method="ACK")))

    def cancel(self):
        """CANCEL of the INVITE: the same branch, the same Route."""
        self.ua.send(compose(
            "CANCEL %s SIP/2.0" % self.invite.uri,
            self._of_invite(to=self.invite.get("To"), method="CANCEL")))

    def _of_invite(self, to, method):
        keep = {"max-forwards", "via", "from", "call-id", "route"}
        kept = [h for h in self.invite.headers if canonical(h[0]) in keep]
        return kept + [("To", to), ("CSeq", "%d %s" % (self.invite.cseq, method))]
