#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Release a live session and show what went over the wire. Run by tools/demo.sh.

Alice calls Bob through an S-CSCF that serves her, and through her application
server. In mid-call an operator releases the session with kamcmd. All of it is
real: Kamailio, SIPp, and a capture, in a network namespace of its own.
"""

import json
import re
import signal
import socket
import sys
import time

import explain_bye
import ladder
import sipcap
from rig import capture
from rig.case import Case
from rig.network import CALLING_AS, Network
from rig.process import RigError, wait_until

FOLDER = sipcap.ROOT / "build" / "demo"
CAUSE, TEXT = 503, "Released by the operator"
NAMES = {"caller": "Alice", "scscf": "S-CSCF", "as_orig": "AS", "callee": "Bob"}
# The rig's large buffer is for root alone; the packets of one call need none.
capture.SO_RCVBUFFORCE = socket.SO_RCVBUF
SERVING_CALLING_USER = (1, 2)  # the items of the clause


class Demo:
    """The steps, in order; each prints what it did."""

    def __init__(self, case):
        self.case = case
        self.network = Network(case, "dialog", CALLING_AS)
        self.scscf = self.network.scscf
        self.call = None
        self.released_at = None

    def run(self):
        self.set_up()
        record = self.show_record()
        self.release()
        self.finish()
        messages = self.draw_ladder()
        return self.explain(messages, record)

    def set_up(self):
        self.network.start()
        version = self.scscf.rpc("core.version")
        heading("A call, set up through the S-CSCF and an application server")
        say("S-CSCF: cfg/scscf.cfg on", version)
        self.call = self.network.call("rich-call").confirmed()
        self.case.capture.quiet_for(0.3)
        say("Alice and Bob: SIPp, sipp-scenarios/rich-call; Call-ID", self.call.call_id)

    def show_record(self):
        heading("What the S-CSCF stored of it")
        self.type("ims_release.show", "callid", self.call.call_id)
        record = self.scscf.rpc("ims_release.show", "callid", self.call.call_id)
        with open(FOLDER / "record.json", "w", encoding="utf-8") as out:
            json.dump(record, out, indent=2, ensure_ascii=False)
        return record

    def release(self):
        heading("The operator releases it")
        self.released_at = time.time()
        reply = self.type(
            "ims_release.release", "callid", self.call.call_id, CAUSE, TEXT
        )
        job = re.search(r"job: (\d+)", reply)[1]

        def done():
            return self.scscf.rpc("ims_release.job", job)["state"] == "done"

        wait_until(done, 5, "the job is done", interval=0.05)
        self.type("ims_release.job", job)
        self.type("stats.get_statistics", "ims_release:")

    def finish(self):
        self.call.finish()
        self.network.empty()

    def draw_ladder(self):
        heading("What went over the wire (100 Trying left out)")
        messages = self.case.wire()
        names = [(CALLING_AS.address(host), name) for host, name in NAMES.items()]
        note = f"ims_release.release callid {self.call.call_id} {CAUSE}"
        drawn = ladder.select(messages, skip_100=True)
        drawn = ladder.build(drawn, names, [(self.released_at, note)])
        say(ladder.draw_text(drawn))
        return messages

    def explain(self, messages, record):
        """The two BYEs; True when both are as the clause prescribes."""
        heading("The two BYEs, each field checked against what was stored")
        right = True
        for number in SERVING_CALLING_USER:
            item = explain_bye.ITEMS[number]
            bye = explain_bye.find(messages, item, record)
            check = explain_bye.Check(bye, item, record, CAUSE, TEXT)
            lines = explain_bye.explain(bye, item, check)
            say(explain_bye.draw(bye, item, lines, checked=True))
            right = right and not any(line.wrong for line in lines)
        return right

    def type(self, *words):
        """A kamcmd command and what it answers."""
        typed = (f'"{word}"' if " " in str(word) else str(word) for word in words)
        say("$ kamcmd", *typed)
        code, output = self.scscf.kamcmd(*words)
        say(output)
        if code:
            raise RigError(f"kamcmd: exit code {code}")
        return output


def heading(text):
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    say(f"{bold}── {text} {'─' * (96 - len(text))}{plain}")


def say(*words):
    sipcap.print_unicode(" ".join(words) + "\n")


def main():
    # Ended from outside, it stops what it started, as with Ctrl-C.
    # SIGINT too: who runs us in the background has it ignored
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    case = None
    trouble = None
    right = False
    try:
        case = Case(str(FOLDER))
        right = Demo(case).run()
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
        sys.exit(f"demo: {trouble}\ndemo: logs and capture are in build/demo/")
    heading("Result")
    if not right:
        sys.exit("✘ a BYE is not as the clause prescribes")
    say("✔ Alice and Bob each got one BYE and nothing else (SIPp exit codes 0 and 0)")
    say("✔ both BYEs are as TS 24.229 5.4.5.1.2 prescribes")
    say("✔ the S-CSCF holds no dialog any more, and its log no warning")
    say("The capture: build/demo/wire.pcap")


if __name__ == "__main__":
    main()
