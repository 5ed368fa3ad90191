#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Release a live session of an IMS core and draw what passed between all its nodes.

Alice and Bob register through a P-CSCF, an I-CSCF and an S-CSCF with their HSS; she
calls him, through the application server that her filter criteria call for; an
operator releases the session at the S-CSCF. Each node is a Kamailio in a network
namespace of its own, with the configuration of cfg/ims. Run by tools/demo.sh.
"""

import signal
import sys
import time

import ladder
import sipcap
from demo import heading, say

sys.path.insert(0, str(sipcap.ROOT / "tests" / "ims"))

from imscore.core import Core, CoreCase, impu  # noqa: E402
from imscore.way import Way, check_pair  # noqa: E402
from rig.process import RigError  # noqa: E402
from rig.raw import nothing_left  # noqa: E402

FOLDER = sipcap.ROOT / "build" / "demo-ims"
CAUSE, TEXT = 480, "Subscription ended"
CALL_ID = "alice-calls-bob"
WAY = Way("demo", orig=("as1",))
NAMES = {"alice": "Alice", "pcscf": "P-CSCF", "icscf": "I-CSCF", "scscf": "S-CSCF",
         "hss": "HSS", "as1": "AS", "bob": "Bob"}
WIDTH = 118
# Server-Assignment-Type and such as the ladder is to say them
DETAILS = {"SAR": lambda m: {1: " REGISTRATION"}.get(m.get("assignment"), ""),
           "UAA": lambda m: " %d" % m.result, "MAA": lambda m: " %d" % m.result,
           "SAA": lambda m: " %d" % m.result, "LIA": lambda m: " %d" % m.result}


class Demo:
    """The steps, in order; each prints what it did."""

    def __init__(self, case):
        self.case = case
        self.core = Core(case, ["as1"])
        self.times = []

    def run(self):
        self.start()
        self.register()
        self.call()
        self.release()
        check_pair(self.case.wire(), self.core, WAY, CALL_ID, CAUSE, TEXT)

    def start(self):
        begin = time.time()
        self.core.start()
        heading("An IMS core: cfg/ims on " + self.core.scscf.rpc("core.version"))
        for name, title in NAMES.items():
            say("  %-7s %s" % (title, self.core.addresses[name]))
        say("up, Cx connected, %.1f s" % (time.time() - begin))
        self.core.serve("alice", WAY.orig)
        say("HSS: INVITEs of %s go through the AS first" % impu("alice"))

    def register(self):
        begin = time.time()
        for user in "alice", "bob":
            self.core.register(user)
        self.draw("Alice and Bob register", begin)

    def call(self):
        begin = time.time()
        self.users = self.core.call("ims-call", CALL_ID)
        self.case.capture.wait_for("ACK ", self.core.addresses["bob"])
        self.case.capture.quiet_for(0.3)
        self.draw("Alice calls Bob, with 100rel", begin)

    def release(self):
        begin = time.time()
        words = ["ims_release.release", "callid", CALL_ID, CAUSE, TEXT]
        code, output = self.core.scscf.kamcmd(*words)
        if code:
            raise RigError("kamcmd: " + output)
        nothing_left(self.core.scscf)
        for user in self.users:
            user.finish()
        self.draw('The S-CSCF: kamcmd ims_release.release callid %s %d "%s"'
                  % (CALL_ID, CAUSE, TEXT), begin)

    def draw(self, title, begin):
        """The ladder of all that passed since then: SIP and Diameter."""
        heading(title)
        columns = [(self.core.addresses[name], title) for name, title in NAMES.items()]
        sip = [m for m in self.case.wire() if m.time >= begin]
        made = ladder.build(ladder.select(sip, skip_100=True), columns)
        start = made.rows and ladder.select(sip, skip_100=True)[0].time
        at = list(NAMES)
        for message in self.case.cx():
            if message.time >= begin:
                label = message.name + DETAILS.get(message.name, lambda m: "")(message)
                made.rows.append(ladder.Row(
                    (message.time - start) * 1000, label,
                    at.index(self.core.name_at(message.src)),
                    at.index(self.core.name_at(message.dst))))
        made.rows.sort(key=lambda row: row.ms)
        say(ladder.draw_text(made, WIDTH))


def main():
    # Ended from outside, it stops what it started, as with Ctrl-C.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    case = trouble = None
    try:
        case = CoreCase(str(FOLDER))
        Demo(case).run()
    except KeyboardInterrupt:
        trouble = "interrupted"
    except Exception as error:
        trouble = f"{type(error).__name__}: {error}"
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if case:
            try:
                case.close()
            except Exception as error:
                trouble = trouble or error
    if trouble:
        sys.exit(f"demo: {trouble}\ndemo: logs and captures are in build/demo-ims/")
    heading("Result")
    say("✔ Alice and Bob each got one BYE and nothing else (SIPp exit codes 0 and 0)")
    say("✔ both BYEs are as TS 24.229 5.4.5.1.2 prescribes, on every hop")
    say("✔ the S-CSCF holds no dialog any more")
    say("The captures: build/demo-ims/wire.pcap, and wire.pcap.loop of what the S-CSCF "
        "sent to itself")


if __name__ == "__main__":
    main()
