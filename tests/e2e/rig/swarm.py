# SPDX-License-Identifier: GPL-2.0-or-later
"""Many calls at once, between user agents that run in one event loop.

Each call has two phones. A phone has transactions of its own: it repeats what was not
answered and answers again what is repeated, so packets may be lost or doubled.
"""

import asyncio
import dataclasses
import gc
import itertools
import os
import socket
import struct

from .sip import Message, tag_of, uri_of
from .ua import Dialog, UserAgent

T1 = 0.1            # less, and on a busy machine most packets are repetitions
GIVE_UP = 10.0      # longer than any transaction of the S-CSCF takes here


@dataclasses.dataclass(frozen=True)
class Air:
    """What may happen to a packet at a phone, with which probability."""

    loss: float = 0.0
    double: float = 0.0


class Station(asyncio.DatagramProtocol):
    """One socket, whose phones are told apart by Call-ID."""

    def __init__(self, net, who):
        self.address, self.remote = net.address(who), net.address("scscf")
        self._socket = net.case.ns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind(self.address)
        self._socket.setblocking(False)
        self.phones = {}
        self.stray = []

    async def open(self):
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, sock=self._socket)
        return self

    def close(self):
        self._transport.close()

    def send(self, data):
        self._transport.sendto(data, self.remote)

    def datagram_received(self, data, addr):
        message = Message(data)
        phone = self.phones.get(message.call_id)
        if phone:
            phone.arrived(message)
        else:
            self.stray.append(message)


class Phone(UserAgent):
    """One user's end of one call.

    It answers requests by `policy[method]`, a function of the request that returns
    code and headers, or None to leave it to a later respond(). ACK, CANCEL of
    an INVITE that is over and what has no policy are handled as they must be.
    """

    def __init__(self, station, call_id, rng=None, air=Air()):
        # the socket is the station's
        self.station, self.call_id, self.rng, self.air = station, call_id, rng, air
        self.address, self.remote = station.address, station.remote
        self.transport = "udp"
        self.dialog = None
        self.policy = {}
        self.got = []           # requests, without repetitions, and responses
        self.asked = {}         # branch and method -> [request, future, ringing]
        self.answered = {}      # branch and method -> bytes of the last response
        self._answering = None  # key of the request that is being answered
        self._changed = asyncio.Condition()
        self._tasks = set()
        station.phones[call_id] = self

    def hang(self):
        for task in self._tasks:
            task.cancel()
        self.station.phones.pop(self.call_id, None)

    def start(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- packets -----------------------------------------------------------------

    def _copies(self):
        if self.rng is None:
            return 1
        drawn = self.rng.random()
        if drawn < self.air.loss:
            return 0
        return 2 if drawn < self.air.loss + self.air.double else 1

    def send(self, data, to=None):
        if self._answering:
            self.answered[self._answering] = data
        for _ in range(self._copies()):
            self.station.send(data)

    def arrived(self, message):
        for _ in range(self._copies()):
            if message.is_request:
                self._request(message)
            else:
                self._response(message)

    def _note(self, message):
        self.got.append(message)
        self.start(self._notify())

    async def _notify(self):
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition, timeout=20.0, what=""):
        """Until condition() is true, looked at after each message."""
        async def wait():
            async with self._changed:
                await self._changed.wait_for(condition)
            return condition()
        try:
            return await asyncio.wait_for(wait(), timeout)
        except asyncio.TimeoutError:
            raise AssertionError("%s at %s: no %s; there is %s" % (
                self.call_id, self.hostport, what or "end", self.got)) from None

    async def receive(self, what, timeout=20.0):
        """The first message of that method or code, also one that came before."""
        return await self.until(
            lambda: next((m for m in self.got if what in
                          (m.code, m.is_request and m.method)), None), timeout, what)

    def requests(self, method):
        return [m for m in self.got if m.is_request and m.method == method]

    # -- as a client ---------------------------------------------------------------

    async def ask(self, data, confirm=True):
        """Sends a request until it is answered; its final response, None for none."""
        request = Message(data)
        key = request.branch, request.method
        entry = self.asked[key] = [
            request, asyncio.get_running_loop().create_future(), False, confirm]
        pause, left = T1, GIVE_UP
        while left > 0:
            if not entry[2]:
                self.send(data)
            done, _ = await asyncio.wait([entry[1]], timeout=pause)
            if done:
                return entry[1].result()
            left -= 0 if entry[2] else pause
            pause = min(2 * pause, 4 * T1)
        return None

    def _response(self, message):
        entry = self.asked.get((message.branch, message.method))
        if entry is None:
            return
        request, future, _, confirm = entry
        if message.code < 200:
            entry[2] = request.method == "INVITE"
            if message.code > 100:
                self._note(message)
            return
        if request.method == "INVITE" and confirm:
            self.acknowledge(request, message)
        if not future.done():
            future.set_result(message)
            self._note(message)

    def acknowledge(self, request, final):
        if final.code >= 300:
            self.dialog.invite = request
            self.dialog.acknowledge_failure(final)
            return
        if not tag_of(request.get("To")):
            self.dialog.establish(final)
        self.dialog.target = uri_of(final.get("Contact"))
        self.send(self.dialog.build("ACK", cseq=request.cseq))

    def confirm(self, request, final):
        """The ACK that was withheld, and those for repetitions of the 2xx."""
        self.asked[request.branch, request.method][3] = True
        self.acknowledge(request, final)

    # -- as a server ---------------------------------------------------------------

    def _request(self, message):
        key = message.branch, message.method
        if key in self.answered:
            if self.answered[key]:
                self.send(self.answered[key])
            return
        self.answered[key] = b""
        self._note(message)
        if message.method == "ACK":
            return
        policy = self.policy.get(message.method)
        chosen = policy(message) if policy else (200, [])
        if chosen:
            self.respond(message, *chosen)

    def respond(self, request, code, headers=(), tag=None, contact=None):
        """Answers a request; the same answer to each repetition of it."""
        self._answering = request.branch, request.method
        contact = contact or self.dialog and self.dialog.contact
        if contact:
            headers = [("Contact", contact), *headers]
        super().respond(request, code, tag=tag, headers=headers)
        self._answering = None

    async def accept(self, invite, code=200, tag=None, contact=None):
        """A final response to an INVITE, again and again until the ACK."""
        pause, left = T1, GIVE_UP
        while left > 0:
            self.respond(invite, code, tag=tag, contact=contact)
            if await self.maybe_ack(invite.cseq, pause):
                return
            left -= pause
            pause = min(2 * pause, 4 * T1)
        raise AssertionError("%s: no ACK at %s" % (self.call_id, self.hostport))

    async def ring(self, invite, until, code=180, tag=None):
        """A provisional response, again and again: nothing else says it came."""
        while not until():
            self.respond(invite, code, tag=tag)
            await asyncio.sleep(T1)

    async def maybe_ack(self, cseq, timeout):
        def acked():
            return any(m.cseq == cseq for m in self.requests("ACK"))
        try:
            return await self.until(acked, timeout)
        except AssertionError:
            return False


class Call:
    """The two phones of a call, and how it is brought up."""

    _count = itertools.count(1)

    def __init__(self, net, stations, rng=None, air=Air()):
        self.net, self.topology = net, net.topology
        number = next(self._count)
        self.call_id = "swarm-%d" % number
        self.tags = "from-%d" % number, "to-%d" % number
        self.caller, self.callee = (
            Phone(station, self.call_id, rng, air) for station in stations)
        self.callee.policy["INVITE"] = lambda invite: None
        self.caller.dialog = Dialog(
            self.caller, local="<%s>;tag=%s" % (self.topology.caller_impu,
                                                self.tags[0]),
            remote="<%s>" % self.topology.called_impu, routes=[], cseq=0,
            target=self.topology.called_impu, call_id=self.call_id,
            contact="<sip:alice@%s>" % self.caller.hostport)
        self.request = self.inviting = self.offered = None

    def sides(self, who):
        one, other = self.caller, self.callee
        return (one, other) if who == "caller" else (other, one)

    async def invite(self, confirm=True):
        """Until the callee has the INVITE."""
        data = self.caller.dialog.build("INVITE")
        self.request = Message(data)
        self.inviting = self.caller.start(self.caller.ask(data, confirm))
        self.offered = offered = await self.callee.receive("INVITE")
        self.callee.dialog = Dialog(
            self.callee, local="%s;tag=%s" % (offered.get("To"), self.tags[1]),
            remote=offered.get("From"), call_id=self.call_id, cseq=0,
            target=uri_of(offered.get("Contact")),
            routes=offered.values("Record-Route"),
            contact="<sip:bob@%s>" % self.callee.hostport)
        return self

    async def ring(self, tag=None):
        """Until the caller hears it; another tag is another place where it rings."""
        tag = tag or self.tags[1]
        await self.callee.ring(
            self.offered, lambda: any(m.code == 180 and tag_of(m.get("To")) == tag
                                      for m in self.caller.got), tag=tag)

    async def answer(self):
        """The 2xx, until the callee has the ACK."""
        await self.callee.accept(self.offered, tag=self.tags[1])
        return await self.inviting

    async def connect(self):
        await self.invite()
        await self.ring()
        await self.answer()
        return self

    def forget(self):
        """What came is of no interest any more; what comes again is still answered."""
        self.caller.got.clear()
        self.callee.got.clear()

    def hang(self):
        self.caller.hang()
        self.callee.hang()


def run(net, coroutine_of_stations):
    """Runs a coroutine of (caller's station, callee's station) to its end.

    Without garbage collection: among so many messages it stops all phones for seconds.
    """
    async def main():
        stations = [await Station(net, who).open() for who in ("caller", "callee")]
        try:
            return await coroutine_of_stations(stations)
        except AssertionError as error:
            raise AssertionError("%s\n(the load of the machine is %.1f)" % (
                error, os.getloadavg()[0])) from error
        finally:
            for station in stations:
                station.close()
    gc.disable()
    try:
        return asyncio.run(main())
    finally:
        gc.enable()


async def gather(coroutines, at_once=40):
    """Their results, so many running at a time."""
    gate = asyncio.Semaphore(at_once)

    async def one(coroutine):
        async with gate:
            return await coroutine
    return await asyncio.gather(*map(one, coroutines))


def messages(path):
    """The UDP packets of a capture as messages: thousands of them in a second."""
    with open(path, "rb") as file:
        data = file.read()
    at = 24
    while at + 16 <= len(data):
        seconds, nanos, length = struct.unpack_from("<III", data, at)
        frame = data[at + 16:at + 16 + length]
        at += 16 + length
        start = 14 + 4 * (frame[14] & 15)
        if frame[23] != socket.IPPROTO_UDP:
            continue
        ends = ["%s:%d" % (socket.inet_ntoa(frame[ip:ip + 4]),
                           struct.unpack_from(">H", frame, port)[0])
                for ip, port in ((26, start), (30, start + 2))]
        yield Message(frame[start + 8:], seconds + nanos / 1e9, *ends)
