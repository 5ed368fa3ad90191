# SPDX-License-Identifier: GPL-2.0-or-later
"""The core: its nodes, each a Kamailio in a namespace of its own, and its users."""

import json
import os
import re
import shutil

from rig.capture import Capture
from rig.case import BUILD, ROOT, Case
from rig.decode import decode
from rig.kamailio import RpcFault
from rig.process import wait_until
from rig.sip import Wire
from rig.sipp import Sipp

from . import cx
from .namespaces import BRIDGE, Hub, addresses

HOME = "ims.example"
SCSCF_URI = "sip:scscf.%s:5060" % HOME
CONFIG = os.path.join(ROOT, "cfg", "ims")
# the HSS first: the others call it as soon as they are there
NODES = ["hss", "pcscf", "icscf", "scscf"]
PASSWORDS = {"alice": "wonder", "bob": "builder"}

# A transaction that is over keeps its dialog so long; the default is five seconds.
SOON = 'modparam("tm", "wt_timer", 300)\n'

# What the IMS modules log at WARNING or above when nothing is wrong.
NOISE = [
    # cdp, at start and end
    r"Trying to open/bind/listen on", r"Successful socket open/bind/listen",
    r"Bye Bye from C Diameter Peer", r"Error opening connection to to .*refused",
    r"ipsec_on_expire\(\): No security parameters found",
    # the IMS modules go on in a transaction that they have answered; they answer one
    # whose script has not ended yet
    r"t_continue_helper\(\): active transaction not found",
    r"t_unref\(\): script writer didn't release transaction",
    # the rig, on a busy machine, asked again before it was answered
    r"failed to send the response .*No such file",
    # cdp: one process asks about the socket that another has opened
    r"I_Snd_CER\(\): Error on finding local host address",
    # ims_ipsec_pcscf clears what is not there
    r"Error sending delete (SAs|policies) command via netlink",
    r"Error cleaning IPSec (Security associations|Policies) during startup",
]


def impu(user):
    return "sip:%s@%s" % (user, HOME)


def criterion(server, case="orig", priority=0, default=0):
    """An initial filter criterion: INVITEs of that session case go to that server.

    default: 0, the session goes on when the server does not answer; 1, it ends.
    """
    return (
        "<InitialFilterCriteria><Priority>%d</Priority><TriggerPoint>"
        "<ConditionTypeCNF>1</ConditionTypeCNF>"
        "<SPT><Group>0</Group><Method>INVITE</Method></SPT>"
        "<SPT><Group>1</Group><SessionCase>%d</SessionCase></SPT></TriggerPoint>"
        "<ApplicationServer><ServerName>sip:%s.%s:5060</ServerName>"
        "<DefaultHandling>%d</DefaultHandling></ApplicationServer>"
        "</InitialFilterCriteria>"
        % (priority, {"orig": 0, "term": 1}[case], server, HOME, default))


class CoreCase(Case):
    """A case whose network is the bridge between the nodes."""

    suite = "ims"

    def _network(self, pcap):
        hub = Hub()
        # what the S-CSCF sends to itself does not pass the bridge
        self.loop = Capture(hub.node("scscf." + HOME), pcap + ".loop")
        return hub, Capture(hub, pcap, device=BRIDGE)

    def wire(self):
        """What passed on the bridge and within the S-CSCF, as SIP messages."""
        self.loop.flush()
        return Wire(sorted(super().wire() + decode(self.loop.path),
                           key=lambda message: message.time))

    def cx(self):
        """What passed on the Cx interface."""
        return self._diameter(cx.CX)

    def ro(self):
        """What passed on the Ro interface."""
        return self._diameter(cx.RO)

    def _diameter(self, application):
        self.capture.flush()
        return cx.decode(self.capture.path, application)

    def close(self):
        # the HSS last, as nobody should miss it
        self._kamailios.reverse()
        try:
            super().close()
        finally:
            self.loop.stop()


class Core:
    """The four nodes, and record-routing application servers beside them."""

    def __init__(self, case, servers=(), scscf="", charged=()):
        """servers: names of application servers; scscf: text after scscf.cfg;
        charged: the sides that an OCS is asked for, of "orig" and "term"."""
        self.case = case
        self.addresses = {name.partition(".")[0]: address
                          for name, address in addresses().items()}
        # a copy: the module may be built anew while the case runs
        module = shutil.copy(BUILD + "/ims_release.so", case.folder)
        self.nodes = {}
        for name in (["ocs"] if charged else []) + NODES:
            self._add(name, "cfg/ims/%s.cfg" % name, {
                "CONFIG_DIR": CONFIG, "IMS_RELEASE": module},
                extra=SOON + (scscf if name == "scscf" else ""))
        # so that the rig knows which dialog module is asked
        self.scscf.defines["WITH_IMS_DIALOG"] = True
        if charged:
            self.scscf.defines["WITH_RO"] = True
            # the user agents' INVITEs have no body
            self.scscf.expect_log("Missing SDP session information")
        if "term" in charged:
            self.scscf.defines["WITH_RO_TERM"] = True
        for name in servers:
            self._add(name, "cfg/ims/as.cfg",
                      listen="udp:%s.%s:5060" % (name, HOME))

    def _add(self, name, config, substs=None, listen=None, extra=""):
        made = self.case.kamailio(
            name, config, [listen or "udp:%s.%s:5060" % (name, HOME)],
            ns=self.node(name), substs=substs, extra=extra)
        for pattern in NOISE:
            made.expect_log(pattern)
        self.nodes[name] = made

    def __getattr__(self, name):
        try:
            return self.__dict__["nodes"][name]
        except KeyError:
            raise AttributeError(name) from None

    def node(self, name):
        """The namespace of a node or of a user."""
        domain = "ue" if name in PASSWORDS else HOME
        return self.case.ns.node("%s.%s" % (name, domain))

    def serve(self, user, servers, case="orig", default=0):
        """The user's sessions of that case go through those servers, in that order."""
        old = self.hss_value("criteria", impu(user)) or ""
        self.hss.rpc("htable.sets", "criteria", impu(user), old + "".join(
            criterion(server, case, at, default) for at, server in enumerate(servers)))

    def hss_value(self, table, key):
        """What the HSS has in a table, None for nothing."""
        try:
            return self.hss.rpc("htable.get", table, key)["item"]["value"]
        except RpcFault:
            return None

    def credit(self, **said):
        """What the OCS says, of INITIAL, UPDATE, TERMINATION: as cfg/ims/ocs.cfg has it."""
        for request, what in said.items():
            self.ocs.rpc("htable.sets", "credit", request, json.dumps(what))

    def deregister(self, **command):
        """The HSS sends RTR. impu: public identities; impi: private one; reason."""
        self.hss.rpc("evrexec.run", "hss:deregister", json.dumps(command))

    def start(self):
        self.hss.start()
        others = [node for node in self.nodes.values() if node is not self.hss]
        for node in others:
            node.launch()
        for node in others:
            node.ready()
        for name in ("icscf", "scscf"):
            wait_until(lambda: self.has_peers(self.nodes[name]), 10,
                       name + " has its HSS and OCS", 0.02)
        return self

    def has_peers(self, node):
        """All that its cdp is to talk to are there."""
        # in JSON all have the same key
        _, text = node.kamcmd("cdp.list_peers")
        states = re.findall(r"State: (\S+)", text)
        return bool(states) and set(states) <= {"I_Open", "R_Open"}

    # -- users -----------------------------------------------------------------

    def address(self, who):
        return self.addresses[who], 5060

    def name_at(self, endpoint):
        """Whose that address is, with or without a port."""
        host = endpoint.partition(":")[0]
        return next(name for name, address in self.addresses.items()
                    if address == host)

    def sipp(self, user, scenario, role, **kwargs):
        """A SIPp in the place of a user, towards the P-CSCF."""
        return self.case.add(Sipp(
            self.node(user), scenario, role, self.case.folder, self.address(user),
            self.address("pcscf"), **kwargs))

    def register(self, user, expires=3600):
        """A SIPp registers the user; it has ended when this returns."""
        self.sipp(user, "register", "uac", name="register-" + user, keys={
            "user": user, "ruri": "sip:" + HOME, "from": "<%s>" % impu(user),
            "expires": str(expires)}, args=[
                "-au", "%s@%s" % (user, HOME), "-ap", PASSWORDS[user]]).finish()

    def call(self, scenario, call_id="call-1", **keys):
        """Alice calls Bob: two SIPps, the INVITE on its way. (caller, callee)."""
        keys = {"ruri": impu("bob"), "from": '"Alice" <%s>' % impu("alice"),
                "to": '"Bob" <%s>' % impu("bob"), **keys}
        callee = self.sipp("bob", scenario, "uas", name="bob",
                           keys={**keys, "user": "bob"}).wait_listening()
        return self.sipp("alice", scenario, "uac", name="alice", call_id=call_id,
                         keys={**keys, "user": "alice"}), callee
