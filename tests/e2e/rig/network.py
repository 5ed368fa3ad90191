# SPDX-License-Identifier: GPL-2.0-or-later
"""The network that the cases call through: an S-CSCF, application servers, users.

    caller -- [edge] -- S-CSCF -- callee
                       /     \\
             calling side's  called side's application server
"""

import dataclasses
import itertools
import shutil

from .case import BUILD
from .process import wait_until
from .sipp import Sipp
from .ua import UserAgent

HOME = "ims.example"
ABROAD = "elsewhere.example"

# A transaction that is over keeps its dialog so long; the default is five seconds.
SOON = 'modparam("tm", "wt_timer", 300)\n'

# What is seen last, and where, before a scenario waits for the network's BYE.
LAST_STEP = {
    "basic-call": ("ACK ", "callee"),
    "rich-call": ("SIP/2.0 488", "caller"),
}

HOSTS = {
    "scscf": 1, "edge": 5, "as_orig": 11, "as_term": 12, "caller": 21, "callee": 22,
}


@dataclasses.dataclass(frozen=True)
class Topology:
    """Who is served here, and by which application servers."""

    name: str
    caller_served: bool = True
    called_served: bool = False
    as_orig: bool = False
    as_term: bool = False
    edge: bool = False
    transport: str = "udp"
    ipv6: bool = False
    ipv4: str = "127.0.0.%d"

    def but(self, **changes):
        """The same with changes; they are in its name."""
        words = "-".join(k if v is True else str(v) for k, v in changes.items())
        return dataclasses.replace(self, name=self.name + "-" + words, **changes)

    def __str__(self):
        return self.name

    def address(self, who):
        form = "fd00::%d" if self.ipv6 else self.ipv4
        return form % HOSTS[who]

    def hostport(self, who):
        """As the capture names it."""
        return ("[%s]:5060" if self.ipv6 else "%s:5060") % self.address(who)

    @property
    def uri_params(self):
        return "" if self.transport == "udp" else ";transport=" + self.transport

    def uri(self, who, user=""):
        return "sip:%s%s%s" % (user and user + "@", self.hostport(who),
                               self.uri_params)

    def tcp_source(self, who):
        form = "tcp_source_ipv6=[%s]\n" if self.ipv6 else "tcp_source_ipv4=%s\n"
        return form % self.address(who)

    def who_at(self, endpoint):
        """Who is at "host:port", whatever the port: TCP has ports of its own."""
        host = endpoint.rpartition(":")[0].strip("[]")
        return next((who for who in HOSTS if self.address(who) == host), endpoint)

    @property
    def caller_impu(self):
        return "sip:alice@" + (HOME if self.caller_served else ABROAD)

    @property
    def called_impu(self):
        """Who is not served here is reached at the address itself."""
        if self.called_served:
            return "sip:bob@" + HOME
        return self.uri("callee", "bob")

    @property
    def forward(self):
        """The hosts that an INVITE visits, from the first to the last."""
        way = ["edge"] if self.edge else []
        for served, server in ((self.caller_served, "as_orig"),
                               (self.called_served, "as_term")):
            if served:
                way += ["scscf"]
            if getattr(self, server):
                way += [server, "scscf"]
        return way + ["callee"]


CALLING = Topology("calling")
CALLING_AS = Topology("calling-as", as_orig=True)
CALLED = Topology("called", caller_served=False, called_served=True)
CALLED_AS = Topology("called-as", caller_served=False, called_served=True,
                     as_term=True)
BOTH = Topology("both", called_served=True)
BOTH_AS = Topology("both-as", called_served=True, as_orig=True, as_term=True)
TOPOLOGIES = [CALLING, CALLING_AS, CALLED, CALLED_AS, BOTH, BOTH_AS]


class Network:
    """A topology brought up within a case."""

    def __init__(self, case, host, topology=CALLING, scscf=None, as_defines=None):
        """host: the dialog module; scscf: keyword arguments of its Kamailio."""
        self.case, self.host, self.topology = case, host, topology
        self.servers = {
            name: self._kamailio(name, "tests/e2e/cfg/as.cfg", defines=as_defines)
            for name in ("edge", "as_orig", "as_term") if getattr(topology, name)}
        self.scscf = self._scscf(**(scscf or {}))

    def _kamailio(self, name, config, extra="", **kwargs):
        topology = self.topology
        socket = topology.transport + ":" + topology.hostport(name)
        kwargs.setdefault("listen", [socket])
        if topology.transport == "tcp":
            # else it calls from whatever address the kernel chooses
            extra = topology.tcp_source(name) + extra
        return self.case.kamailio(name, config, extra=extra, **kwargs)

    def _scscf(self, defines=None, substs=None, extra="", **kwargs):
        defines = dict(defines or {})
        if self.host == "ims_dialog":
            defines["WITH_IMS_DIALOG"] = True
        # a copy: the module may be built anew while the case runs
        module = shutil.copy(BUILD + "/ims_release.so", self.case.folder)
        substs = {"IMS_RELEASE": module, "WORKERS": 2, **(substs or {})}
        return self._kamailio("scscf", "cfg/scscf.cfg", defines=defines,
                              substs=substs, extra=SOON + extra, **kwargs)

    def start(self):
        started = [*self.servers.values(), self.scscf]
        for kamailio in started:
            kamailio.launch()
        for kamailio in started:
            kamailio.ready()
        return self.provision()

    def provision(self):
        """Tells the S-CSCF of users and their application servers, as it starts."""
        for side, impu in (("as_orig", self.topology.caller_impu),
                           ("as_term", self.topology.called_impu)):
            if side in self.servers:
                self.scscf.rpc("htable.sets", side, impu, self.topology.uri(side))
        if self.topology.called_served:
            self.bind(self.topology.called_impu, self.topology.uri("callee", "bob"))
        return self

    def bind(self, impu, contact):
        """Registers a contact address, as a REGISTER would."""
        user_at = impu.partition(":")[2]
        self.scscf.rpc("ul.add", "location", user_at, contact, 3600, 1.0, "0", 0, 0,
                       8191)

    def address(self, who):
        return self.topology.address(who), 5060

    def agent(self, who):
        """A scripted user agent in the place of the caller or the callee."""
        return UserAgent(self.case, self.address(who), self.address("scscf"),
                         self.topology.transport)

    def register(self, user, password, who="caller"):
        """A SIPp that registers with digest authentication."""
        keys = {"user": user, "ruri": "sip:" + HOME,
                "from": "<sip:%s@%s>" % (user, HOME)}
        return self.case.add(Sipp(
            self.case.ns, "register", "uac", self.case.folder, self.address(who),
            self.address("scscf"), name="register-" + user, keys=keys,
            args=["-au", user, "-ap", password]))

    def call(self, scenario="basic-call", keys=None, caller=None, callee=None,
             callee_scenario=None, quiet=1000):
        """Starts a call between two SIPps: keys for both, more for either of them.

        quiet: milliseconds after the last step in which nothing else may come.
        """
        return Call(self, scenario, callee_scenario or scenario, keys or {},
                    caller or {}, callee or {}, quiet)

    def empty(self, timeout=5.0):
        """Until the S-CSCF holds no dialog any more."""
        wait_until(lambda: not self.scscf.dialogs(), timeout, "no dialog is left")


class Call:
    """Two SIPps, the caller's INVITE on its way."""

    _count = itertools.count(1)

    def __init__(self, network, scenario, callee_scenario, keys, caller, callee,
                 quiet):
        self.network, self.topology = network, network.topology
        self.case, self._scenario, self._quiet = network.case, scenario, quiet
        self.call_id = "call-%d@%s" % (
            next(self._count), self.topology.address("caller"))
        self.callee = self._sipp(callee_scenario, "uas", "callee", "bob",
                                 {**keys, **callee}).wait_listening()
        self.caller = self._sipp(scenario, "uac", "caller", "alice",
                                 {**keys, **caller}, call_id=self.call_id)

    def _sipp(self, scenario, role, who, user, keys, **kwargs):
        topology = self.topology
        entry = "edge" if topology.edge else "scscf"
        defaults = {
            "user": user, "uri_params": topology.uri_params,
            "ruri": topology.called_impu, "headers": self._preloaded_route(),
            "from": '"Alice" <%s>' % topology.caller_impu,
            "to": '"Bob" <%s>' % topology.called_impu,
        }
        return self.case.add(Sipp(
            self.case.ns, scenario, role, self.case.folder,
            self.network.address(who), self.network.address(entry),
            transport=topology.transport, name=who, keys={**defaults, **keys},
            quiet=self._quiet, **kwargs))

    def _preloaded_route(self):
        """Through the edge, the user has the route that registration gave him."""
        if not self.topology.edge:
            return ""
        orig = ";orig" if self.topology.caller_served else ""
        return "\r\nRoute: <%s;lr>, <%s;lr%s>" % (
            self.topology.uri("edge"), self.topology.uri("scscf"), orig)

    def confirmed(self):
        """Until the callee has the ACK to its answer."""
        return self.seen("ACK ", "callee")

    def settled(self):
        """Until the scenario does nothing more by itself but wait for a BYE."""
        return self.seen(*LAST_STEP[self._scenario])

    def seen(self, start, who, count=1):
        """Until so many messages of this call that start so came to the user."""
        self.case.capture.wait_for(
            start, self.topology.address(who), within=self.call_id, count=count)
        return self

    def finish(self):
        """Until both scenarios ended, each as it should."""
        self.caller.finish()
        self.callee.finish()
