# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON-RPC over the datagram socket of Kamailio's jsonrpcs module."""

import itertools
import json
import os
import select
import socket
import time

from .shape import FAULT, SHAPES, fits, plain

TIMEOUT = 2.0
# more than Kamailio can send at once
LARGEST = 1 << 18


class RpcError(Exception):
    """Why there is no result."""


class Away(RpcError):
    """Nobody answers."""


class Fault(RpcError):
    """Kamailio has refused: its code and text."""

    def __init__(self, code, text):
        super().__init__(f"{text} ({code})")
        self.code = code


class TooBig(RpcError):
    """The reply does not fit into a datagram."""


class Rpc:
    """One question at a time, and never an answer to another one.

    Each has a socket of its own with an abstract address, so that Kamailio may run as
    any user, connected, so that nobody else can answer.
    """

    def __init__(self, path, timeout=TIMEOUT):
        self.path, self.timeout = path, timeout
        self.select = select.select     # who waits for more than Kamailio has his own
        self._ids = itertools.count(os.getpid() % 1000 * 1000000 + 1)

    def __call__(self, method, *params):
        """The result, which has its shape; an RpcError when there is none."""
        try:
            return self._ask(method, params)
        except socket.timeout:
            if self._answers():
                raise TooBig(f"{method}: the reply is larger than a datagram") from None
            raise Away(f"no answer within {self.timeout:g} s") from None
        except OSError as error:
            raise Away(error.strerror or str(error)) from None
        except (ValueError, RecursionError) as error:
            raise RpcError(f"no reply of ims_release to {method}: it cannot be read: {error}"
                           ) from None

    def _answers(self):
        """Kamailio takes one question after the other: it is past the one before."""
        try:
            self._ask("core.version", ())
        except (OSError, ValueError, RecursionError, RpcError):
            return False
        return True

    def _ask(self, method, params):
        number = next(self._ids)
        question = {"jsonrpc": "2.0", "method": method, "id": number,
                    "params": [str(param) for param in params]}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind("")
            sock.connect(self.path)
            end = time.monotonic() + self.timeout
            self._wait([], [sock], end)
            sock.send(json.dumps(question).encode())
            reply = self._reply(sock, number, end)
        if fits(reply, {"error": FAULT}):
            raise Fault(reply["error"]["code"], reply["error"]["message"])
        if not fits(reply, {"result": SHAPES[method]}) or not plain(reply):
            raise RpcError(f"no reply of ims_release to {method}")
        return reply["result"]

    def _wait(self, readers, writers, end):
        left = end - time.monotonic()
        if left <= 0 or not any(self.select(readers, writers, [], left)):
            raise socket.timeout

    def _reply(self, sock, number, end):
        while True:
            self._wait([sock], [], end)
            data, _, flags, _ = sock.recvmsg(LARGEST)
            if flags & socket.MSG_TRUNC:
                raise TooBig(f"the reply is larger than {LARGEST} bytes")
            # peers choose much of it: whatever the bytes are, it is to be seen
            reply = json.loads(data.decode(errors="replace"), strict=False)
            if not isinstance(reply, dict):
                raise ValueError("no JSON object")
            # a late one to an earlier socket with this address
            if reply.get("id") == number:
                return reply
