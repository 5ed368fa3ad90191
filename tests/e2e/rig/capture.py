# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes over the loopback, or over a bridge, recorded for the whole of a case.

A packet socket is open before anything is sent and misses nothing; the file is a
pcap that tshark decodes. While the case runs, `wait_for` looks at what passed.
"""

import select
import socket
import struct
import threading
import time

from .process import wait_until

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_OUTGOING = 4
PACKET_STATISTICS = 6
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
MAX_PACKET = 1 << 17
BUFFER = 1 << 26

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, MAX_PACKET, 1)


class Capture:
    def __init__(self, ns, path, device="lo"):
        self.path = path
        self._file = open(path, "wb")
        self._file.write(PCAP_HEADER)
        self._frames = []
        self._stopping = False
        self._socket = ns.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        except PermissionError:
            # root in a user namespace alone: what any user may have is enough for
            # a call, and `stop` says so when it was not
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind((device, 0))
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stopping:
            if select.select([self._socket], [], [], 0.02)[0]:
                self._drain()

    def _drain(self):
        """Takes what is there: all that was sent so far."""
        with self._lock:
            while True:
                try:
                    frame, ancillary, _, address = self._socket.recvmsg(
                        MAX_PACKET, 64, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return
                # the loopback shows each packet twice, as sent and as received
                if address[2] != PACKET_OUTGOING:
                    self._keep(frame, ancillary)

    def _keep(self, frame, ancillary):
        seconds, nanos = struct.unpack("@qq", ancillary[0][2])
        self._file.write(struct.pack(
            "<IIII", seconds, nanos, len(frame), len(frame)) + frame)
        self._frames.append(frame)

    def wait_for(self, start, dst=None, within="", count=1, timeout=8.0):
        """Until `count` packets that start so, and have that within, went to dst."""
        start, within = start.encode(), within.encode()

        def hit(frame):
            payload = _payload(frame)
            return (payload.startswith(start) and within in payload
                    and dst in (None, _destination(frame)))

        wait_until(lambda: sum(map(hit, list(self._frames))) >= count, timeout,
                   "%d x %r to %s on the wire" % (count, start, dst))

    def quiet_for(self, seconds, timeout=10.0):
        """Until nothing passed for so long."""
        last = [len(self._frames), time.monotonic()]

        def quiet():
            now = time.monotonic()
            if len(self._frames) != last[0]:
                last[:] = [len(self._frames), now]
            return now - last[1] >= seconds

        wait_until(quiet, timeout, "%g s of silence" % seconds)

    def flush(self):
        """All that passed until now is in the file."""
        self._drain()
        self._file.flush()

    def stop(self):
        if self._stopping:
            return
        self._stopping = True
        self._thread.join()
        self._drain()
        dropped = struct.unpack("II", self._socket.getsockopt(
            SOL_PACKET, PACKET_STATISTICS, 8))[1]
        self._socket.close()
        self._file.close()
        assert dropped == 0, "the capture lost %d packets" % dropped


def _transport(frame):
    """(protocol, where it starts) of a frame."""
    if frame[12:14] == b"\x86\xdd":
        return frame[20], 54
    return frame[23], 14 + 4 * (frame[14] & 15)


def _payload(frame):
    protocol, start = _transport(frame)
    if protocol == socket.IPPROTO_UDP:
        return frame[start + 8:]
    if protocol == socket.IPPROTO_TCP:
        return frame[start + 4 * (frame[start + 12] >> 4):]
    return b""


def _destination(frame):
    if frame[12:14] == b"\x86\xdd":
        return socket.inet_ntop(socket.AF_INET6, frame[38:54])
    return socket.inet_ntop(socket.AF_INET, frame[30:34])
