# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tools that look at captures share, over the decoder of the tests' rig."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from rig.decode import decode  # noqa: E402
from rig.sip import Wire  # noqa: E402


class CaptureError(Exception):
    """The capture cannot be read, or does not hold what was asked for."""


def read(path):
    """The SIP messages of a capture file, in order."""
    if not os.access(path, os.R_OK):
        raise CaptureError(f"{path}: cannot be read")
    try:
        return Wire(filter(is_sip, decode(str(path))))
    except FileNotFoundError:
        raise CaptureError("tshark is missing: apt-get install tshark") from None
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise CaptureError(f"{path}: {last}") from None


def is_sip(message):
    """Keep-alives and the like pass for SIP with tshark, but are no messages."""
    line = message.start_line
    return line.startswith("SIP/2.0 ") or line.endswith(" SIP/2.0")


def label(message):
    """What a message is called in short: 'BYE 3', '200 BYE 3'."""
    number, _, method = (message.get("CSeq") or "").partition(" ")
    name = message.method if message.is_request else f"{message.code} {method}"
    return f"{name} {number}".strip()


def host_of(endpoint):
    """'127.0.0.1:5060' -> '127.0.0.1', '[::1]:5060' -> '::1', '::1' -> '::1'."""
    if endpoint.count(":") == 1 or endpoint.startswith("["):
        return endpoint.rpartition(":")[0].strip("[]") or endpoint.strip("[]")
    return endpoint


def print_unicode(text):
    """Box characters whatever the locale; octets that are no UTF-8, escaped."""
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.stdout.write(text)
    sys.stdout.flush()
