# SPDX-License-Identifier: GPL-2.0-or-later
"""Two user agents with any number of calls, over plain UDP sockets.

For what SIPp cannot do: to hold 200,000 calls, to go step by step under a profiler.
"""

import select
import socket
import time

from rig.process import RigError

SCSCF, CALLER, CALLEE = ("127.0.0.1", 5060), ("127.0.0.21", 5060), ("127.0.0.22", 5060)
BUFFER = 1 << 25
SO_RCVBUFFORCE = 33
# Seconds until what is not answered is sent again: T1 of RFC 3261.
REPEAT = 0.5

SDP = (b"v=0\r\no=- 1 1 IN IP4 127.0.0.21\r\ns=-\r\nc=IN IP4 127.0.0.21\r\nt=0 0\r\n"
       b"m=audio 6000 RTP/AVP 0 8 97\r\na=rtpmap:97 iLBC/8000\r\na=sendrecv\r\n")
INVITE = (
    b"INVITE sip:bob@127.0.0.22:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.21:5060;branch=z9hG4bKi%(n)s\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice" <sip:alice@ims.example>;tag=a%(n)s\r\n'
    b'To: "Bob" <sip:bob@127.0.0.22:5060>\r\n'
    b"Call-ID: %(n)s@bench\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@127.0.0.21:5060>\r\n"
    b"P-Asserted-Identity: <sip:alice@ims.example>\r\n"
    b"P-Charging-Vector: icid-value=icid%(n)s\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: " + str(len(SDP)).encode() + b"\r\n\r\n" + SDP)
WITHIN = (
    b"%(method)s sip:bob@127.0.0.22:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.21:5060;branch=z9hG4bK%(cseq)s%(method)s%(n)s\r\n"
    b"Max-Forwards: 70\r\n"
    b"%(routes)s"
    b'From: "Alice" <sip:alice@ims.example>;tag=a%(n)s\r\n'
    b'To: "Bob" <sip:bob@127.0.0.22:5060>;tag=b%(n)s\r\n'
    b"Call-ID: %(n)s@bench\r\n"
    b"CSeq: %(cseq)s %(method)s\r\n"
    b"Contact: <sip:alice@127.0.0.21:5060>\r\n"
    b"Content-Length: 0\r\n\r\n")


def headers(data, name):
    """The lines of a header, their line ends included."""
    found, at, start = b"", 0, b"\r\n" + name + b": "
    while True:
        at = data.find(start, at)
        if at < 0:
            return found
        end = data.index(b"\r\n", at + 2) + 2
        found += data[at + 2:end]
        at = end - 2


def number_of(data):
    """Which call a message is of: its Call-ID, up to the @."""
    at = data.index(b"\r\nCall-ID: ") + 11
    return data[at:data.index(b"@", at)]


class Fleet:
    """`set_up` calls, then `update`, `hang_up`, or wait until `byes` are there.

    up       Call-ID's number -> Route headers, of calls that are set up
    told     when each party got its BYE: (socket, number) -> time.monotonic()
    delays   of each INVITE: (when it was sent, seconds until its 200)
    """

    def __init__(self, ns, ringing=True):
        self._caller, self._callee = (self._open(ns, at) for at in (CALLER, CALLEE))
        self._ringing = ringing
        self._asked = {}        # number -> [when, the request, next repetition]
        self._accepted = {}     # number -> [the 200, next repetition], without ACK
        self._next_look = 0
        self.up, self.told, self.delays = {}, {}, []
        self._poll = select.poll()
        for sock in (self._caller, self._callee):
            self._poll.register(sock, select.POLLIN)
        self._by_fd = {s.fileno(): s for s in (self._caller, self._callee)}

    @staticmethod
    def _open(ns, address):
        sock = ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        sock.bind(address)
        sock.setblocking(False)
        return sock

    def kill(self):
        self._caller.close()
        self._callee.close()

    # -- what a caller does --------------------------------------------------------

    def set_up(self, count, prefix="c", window=100, timeout=600):
        """So many calls, so many at a time on their way; their numbers."""
        numbers = [b"%s%d" % (prefix.encode(), n) for n in range(count)]
        self._each(numbers, lambda n: INVITE % {b"n": n}, window, timeout)
        return numbers

    def start(self, number):
        """One call more; nobody waits for it."""
        self._ask(number, INVITE % {b"n": number})

    @property
    def waiting(self):
        """How many requests await their answer."""
        return len(self._asked)

    def update(self, numbers, window=1):
        self._each(numbers, lambda n: self._within(n, b"UPDATE", b"2"), window)

    def hang_up(self, numbers, window=1):
        self._each(numbers, lambda n: self._within(n, b"BYE", b"3"), window)
        for number in numbers:
            self.up.pop(number)

    def _within(self, number, method, cseq):
        return WITHIN % {b"n": number, b"method": method, b"cseq": cseq,
                         b"routes": self.up[number]}

    def _ask(self, number, request):
        now = time.monotonic()
        self._asked[number] = [now, request, now + REPEAT]
        self._caller.sendto(request, SCSCF)

    def _each(self, numbers, build, window, timeout=600):
        left, end = iter(numbers), time.monotonic() + timeout
        more = True
        while more or self._asked:
            while more and len(self._asked) < window:
                number = next(left, None)
                more = number is not None
                if more:
                    self._ask(number, build(number))
            if self._asked:
                self.step(1)
            if time.monotonic() > end:
                raise RigError("%d requests not answered" % len(self._asked))

    # -- what comes ------------------------------------------------------------------

    def run(self, until, timeout=60):
        end = time.monotonic() + timeout
        while not until():
            if time.monotonic() > end:
                raise RigError("not within %g s" % timeout)
            self.step(0.01)

    def step(self, wait):
        """Takes what is there; waits at most so long for it."""
        for fd, _ in self._poll.poll(wait * 1000):
            sock = self._by_fd[fd]
            for _ in range(64):
                try:
                    data = sock.recv(65536)
                except BlockingIOError:
                    break
                self._take(sock, data)
        now = time.monotonic()
        if now > self._next_look:
            self._next_look = now + REPEAT / 10
            self._repeat(self._caller, self._asked, now)
            self._repeat(self._callee, self._accepted, now)

    @staticmethod
    def _repeat(sock, entries, now):
        for entry in entries.values():
            if entry[-1] < now:
                entry[-1] = now + REPEAT
                sock.sendto(entry[-2], SCSCF)

    def _take(self, sock, data):
        if data.startswith(b"SIP/2.0 "):
            if data[8:9] == b"2":
                self._answered(data)
        elif data.startswith(b"INVITE "):
            self._answer_invite(data)
        elif data.startswith(b"ACK "):
            self._accepted.pop(number_of(data), None)
        else:
            if data.startswith(b"BYE "):
                self.told.setdefault((sock, number_of(data)), time.monotonic())
            sock.sendto(self._response(data, b"200 OK"), SCSCF)

    def _answered(self, data):
        number = number_of(data)
        entry = self._asked.pop(number, None)
        if b" INVITE\r\n" not in data:
            return
        if entry:
            self.delays.append((entry[0], time.monotonic() - entry[0]))
        routes = headers(data, b"Record-Route").replace(b"Record-Route", b"Route")
        self.up[number] = routes
        self._caller.sendto(self._within(number, b"ACK", b"1"), SCSCF)

    def _answer_invite(self, data):
        if self._ringing:
            self._callee.sendto(self._response(data, b"180 Ringing"), SCSCF)
        answer = self._response(data, b"200 OK")
        self._accepted[number_of(data)] = [answer, time.monotonic() + REPEAT]
        self._callee.sendto(answer, SCSCF)

    def _response(self, data, status):
        to = headers(data, b"To")
        if b";tag=" not in to:
            to = to[:-2] + b";tag=b" + number_of(data) + b"\r\n"
        contact = b""
        if not data.startswith(b"BYE "):
            contact = b"Contact: <sip:bob@127.0.0.22:5060>\r\n"
        return b"".join((
            b"SIP/2.0 ", status, b"\r\n", headers(data, b"Via"),
            headers(data, b"Record-Route"), headers(data, b"From"), to,
            headers(data, b"Call-ID"), headers(data, b"CSeq"), contact,
            b"Content-Length: 0\r\n\r\n"))
