#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draw releases as they really went over the wire, into docs/. Run by `make docs`.

As `make demo` does it: Kamailio with cfg/scscf.cfg, SIPp users, an application server
and a capture, in a network namespace of its own. A picture whose messages are the same
stays as it is, although their times, and the order of some, differ from run to run:
remove it to have it drawn anew.
"""

import os
import pathlib
import re
import socket
import sys
import time

import ladder
import sipcap
from rig import capture
from rig.case import Case
from rig.network import CALLED_AS, CALLING_AS, Network
from rig.process import wait_until
from rig.raw import Scene

DOCS = sipcap.ROOT / "docs"
NOTE = 'ims_release.release callid CALL-ID 503 "Gone"'
# The rig's large buffer is for root alone; the packets of one call need none.
capture.SO_RCVBUFFORCE = socket.SO_RCVBUF


def confirmed(net):
    """A session in mid-call: the pair of BYEs."""
    call = net.call("basic-call", quiet=200).settled()
    wait_until(lambda: state(net, call.call_id) == "confirmed", 5, "confirmed")
    began = time.time()
    net.scscf.rpc("ims_release.release", "callid", call.call_id, 503, "Gone")
    call.finish()
    return began


def early(net):
    """A session that rings: CANCEL, and a final response."""
    scene = Scene(net).invite().ring()
    began = time.time()
    scene.release().refused()
    scene.cancelled()
    scene.over()
    return began


def state(net, call_id):
    return net.scscf.rpc("ims_release.show", "callid", call_id)["state"]


PICTURES = [
    ("release-calling", CALLING_AS, confirmed,
     "Release of a session, the calling user served: items 1 and 2"),
    ("release-called", CALLED_AS, confirmed,
     "Release of a session, the called user served: items 3 and 4"),
    ("release-early", CALLING_AS, early,
     "Release of a session that is being established"),
]


def draw(name, topology, play, title):
    case = Case(os.path.join("docs", name))
    try:
        net = Network(case, "dialog", topology).start()
        began = play(net)
        net.empty()
        messages = ladder.select(case.wire(), skip_100=True)
    finally:
        case.close()
    server = "as_orig" if topology.as_orig else "as_term"
    order = {"caller": "Alice", "scscf": "S-CSCF", server: "AS", "callee": "Bob"}
    names = [(topology.address(who), order[who]) for who in order]
    drawn = ladder.build(messages, names, [(began, NOTE)])
    write(DOCS / (name + ".svg"), ladder.draw_svg(drawn, title))
    case.forget()


def write(path, svg):
    if path.exists() and steps(path.read_text(encoding="utf-8")) == steps(svg):
        return
    path.write_text(svg, encoding="utf-8")


def steps(svg):
    """The messages, without order and random CSeqs."""
    described = re.search("<desc.*?>(.*?)</desc>", svg, re.S)[1]
    return sorted(re.sub(r"BYE \d+", "BYE", described).split(". "))


def as_root(program):
    """Runs this program once more, as the root that a namespace gives."""
    if os.geteuid() != 0:
        os.execvp("unshare", ["unshare", "--map-root-user", sys.executable,
                              str(pathlib.Path(program).resolve()), *sys.argv[1:]])


def main():
    as_root(__file__)
    for picture in PICTURES:
        draw(*picture)


if __name__ == "__main__":
    main()
