# SPDX-License-Identifier: GPL-2.0-or-later
"""A second S-CSCF that has copies of the first one's sessions.

`standby_of` makes it beside the first, on an address of its own. `Pair` has them on
two machines that share a service address:

    caller, callee, application servers -- eth0 -- node a -- eth1
                                       \\-- eth0 -- node b -- eth1

10.5.0.1 is where users and servers find the S-CSCF: it is on a, until `move`. The
nodes speak to one another from eth1, 10.6.0.31 and 10.6.0.32.
"""

import dataclasses
import re
import socket
import struct
import time

from .kamailio import RpcFault
from .network import HOSTS, SOON, Network
from .process import wait_until

A, B = "sip:127.0.0.31:5062", "sip:127.0.0.32:5062"

LAN = "10.5.0.%d"
SERVICE = LAN % HOSTS["scscf"]
REST = [LAN % HOSTS[who] for who in HOSTS if who != "scscf"]
NUMBER = {"a": 31, "b": 32, "c": 33}
SYNC, SYNC_BRIDGE = "10.6.0.%d", "sync0"
NAME = {name: "sip:%s:5062" % (SYNC % number) for name, number in NUMBER.items()}

# DMQ's shortest
PING = 'modparam("dmq", "ping_interval", 5)\n'
NOISE = [
    # DMQ, of a node that is away
    r"notification_resp_callback_f\(\): (not )?deleting",
    # dialog, of those that another node has set up
    "unable to find dialog for [A-Z]+ with route param",
]


def node(own, other):
    """What makes an S-CSCF one of the two."""
    return {"defines": {"WITH_STANDBY": True},
            "substs": {"DMQ_SERVER": own, "DMQ_PEER": other,
                       "DMQ_SOCKET": "udp:" + own.partition(":")[2]}}


def standby_of(net):
    """The other node of a network, elsewhere."""
    kwargs = node(B, A)
    first = net.scscf
    return net.case.kamailio(
        "standby", "cfg/scscf.cfg", listen=["udp:127.0.0.41:5060"],
        defines={**first.defines, **kwargs["defines"]},
        substs={**first.substs, **kwargs["substs"]}, extra=first.extra)


def shown(scscf, call_id):
    """What a node says of a session, nothing when it has none."""
    try:
        return scscf.rpc("ims_release.show", "callid", call_id)
    except RpcFault:
        return {}


class Pair:
    """Two nodes in namespaces of their own, both up and in touch.

    scscf: for both, what Network takes; first, second: for one of them, besides.
    """

    def __init__(self, case, host, topology, scscf=None, first=None, second=None):
        self.case = case
        case.hub.second_bridge(SYNC_BRIDGE)
        self.at = {name: case.machine(name, LAN % NUMBER[name]) for name in "ab"}
        for name, place in self.at.items():
            place.plug("eth1", SYNC_BRIDGE, SYNC % NUMBER[name])
            # both listen on the service address, whoever has it
            place.run("sysctl", "-w", "net.ipv4.ip_nonlocal_bind=1")
        # it is announced within a second of what was heard of it before
        case.ns.run("sysctl", "-w", "net.ipv4.neigh.eth0.locktime=0")
        self.at["a"].add(SERVICE)
        topology = dataclasses.replace(
            topology, name=topology.name + "-lan", ipv4=LAN)
        self.net = Network(case, host, topology,
                           scscf=self._kwargs("a", "b", scscf, first))
        self.topology, self.a = topology, self.net.scscf
        self.b = case.kamailio("standby", "cfg/scscf.cfg", **self._of_b(
            self._kwargs("b", "a", scscf, second)))
        for one in (self.a, self.b):
            for pattern in NOISE:
                one.expect_log(pattern)

    def _kwargs(self, own, other, *more):
        made = node(NAME[own], NAME[other])
        made.update(ns=self.at[own], extra=PING)
        for kwargs in filter(None, more):
            made["extra"] += kwargs.get("extra", "")
            for key in ("defines", "substs"):
                made[key] = {**made[key], **kwargs.get(key, {})}
        return made

    def _of_b(self, made):
        first = self.a
        for name in first.defines.keys() & {"WITH_IMS_DIALOG"}:
            made["defines"] = {**made["defines"], name: True}
        made["substs"] = {**made["substs"], **{
            name: first.substs[name] for name in ("IMS_RELEASE", "WORKERS")}}
        made["extra"] = SOON + made["extra"]
        return {"listen": first.listen, **made}

    def start(self, standby=True):
        self.net.start()
        if standby:
            self.b.start()
        return self

    # -- what may happen to machines -----------------------------------------------

    def lose(self):
        """The first node is gone, and the machine with it."""
        self.a.kill()
        for device in ("eth0", "eth1"):
            self.at["a"].cut(device)
        return self.move()

    def split(self):
        """The nodes do not hear one another any more; users reach either."""
        self.at["a"].cut("eth1")

    def rejoin(self):
        self.at["a"].mend("eth1")

    def move(self):
        """The service address, as keepalived does it: added there, and announced."""
        place = self.at["b"]
        place.add(SERVICE)
        link = place.run("ip", "link", "show", "eth0").stdout
        mac = bytes.fromhex(re.search("link/ether ([0-9a-f:]+)", link)[1].replace(":", ""))
        ip = socket.inet_aton(SERVICE)
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + ip + b"\0" * 6 + ip
        with place.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
            sock.bind(("eth0", 0x0806))
            sock.send(b"\xff" * 6 + mac + b"\x08\x06" + arp)
        return time.time()

    def takeover(self, lost="a", by=None):
        """How many sessions."""
        return (by or self.b).rpc("ims_release.takeover", NAME[lost])["sessions"]

    def stranger(self):
        """A socket on a third machine, beside both."""
        place = self.case.machine("c")
        place.plug("eth1", SYNC_BRIDGE, SYNC % NUMBER["c"])
        sock = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((SYNC % NUMBER["c"], 5062))
        return sock

    # -- what they know --------------------------------------------------------------

    def await_copies(self, count, owner="a", at=None):
        """Until a node has so many sessions, all told."""
        at = at or self.b
        wait_until(lambda: at.statistics()["sessions"] == count, 15,
                   "%d sessions at %s" % (count, at.name))

    def await_owner(self, scscf, call_ids, owner):
        """Until a node says so of those sessions; None: itself."""
        name = NAME.get(owner)
        for call_id in call_ids:
            wait_until(lambda: shown(scscf, call_id)
                       and shown(scscf, call_id).get("owner") == name, 20,
                       "%s is of %s at %s" % (call_id, owner, scscf.name))
