# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces that a bridge connects, each a machine of its own."""

import subprocess

from .capture import Capture
from .case import Case
from .decode import decode
from .namespace import Namespace
from .sip import Wire

BRIDGE = "lan0"

# Both keep their namespaces until their standard input closes.
HUB = """
{prepare}
ip link add {bridge} type bridge
ip link set {bridge} addrgenmode none
ip link set {bridge} up promisc on
echo ready
exec cat >/dev/null
"""
NODE = """
ip link set lo up
echo ready
exec cat >/dev/null
"""
# In the hub: `promisc` above lets a capture on the bridge see what passes through it.
PLUG = """
link add {port} type veth peer name {device} netns {pid}
link set {port} addrgenmode none master {bridge} up
"""
UP = """
link set {device} addrgenmode none
link set {device} up
addr add {address}/24 dev {device}
"""


class _Holder(Namespace):
    """A process that keeps namespaces alive, and what can be run in them."""

    def __init__(self, argv, script):
        self._holder = subprocess.Popen(
            [*argv, "sh", "-ec", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self._holder.stdout.readline() != b"ready\n":
            self.close()
            raise RuntimeError("no network namespace: are you root, "
                               "and has this kernel bridges?")

    @property
    def pid(self):
        return self._holder.pid

    def batch(self, lines):
        """Commands for ip, one a line."""
        done = subprocess.run(
            self.command(["ip", "-batch", "-"]), input=lines, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise RuntimeError(done.stdout)


class Hub(_Holder):
    """The bridge, and a mount namespace; prepare: commands to run in them first."""

    def __init__(self, prepare="", bridge=BRIDGE):
        self.bridge, self.nodes = bridge, {}
        super().__init__(
            ["unshare", "--net", "--mount", "--propagation", "unchanged"],
            HUB.format(prepare=prepare, bridge=bridge))

    def plug(self, name, *addresses):
        """A new namespace with these addresses."""
        self.nodes[name] = Node(self, "port%d" % len(self.nodes), addresses)
        return self.nodes[name]

    def second_bridge(self, bridge):
        self.batch("link add {0} type bridge\nlink set {0} addrgenmode none up\n"
                   .format(bridge))

    def close(self):
        for node in self.nodes.values():
            node.close()
        super().close()


class Node(_Holder):
    """Its addresses are behind a port of the hub."""

    def __init__(self, hub, port, addresses):
        self.hub, self.port = hub, port
        super().__init__([*hub.command(["unshare", "--net"])], NODE)
        for address in addresses[:1]:
            self.plug("eth0", hub.bridge, address)
        for address in addresses[1:]:
            self.add(address)

    def plug(self, device, bridge, address):
        """Another device, on that bridge."""
        self.hub.batch(PLUG.format(port=self.port + device, device=device,
                                   pid=self.pid, bridge=bridge))
        self.batch(UP.format(device=device, address=address))

    def add(self, address):
        self.batch("addr add %s/24 dev eth0\n" % address)

    def cut(self, device="eth0"):
        """Nothing passes any more, neither in nor out."""
        self.hub.batch("link set %s%s down\n" % (self.port, device))

    def mend(self, device="eth0"):
        self.hub.batch("link set %s%s up\n" % (self.port, device))


class LanCase(Case):
    """A case on a bridge; who has no machine of its own is in the namespace `ns`."""

    def __init__(self, name, addresses, **kwargs):
        self._addresses, self._loops = addresses, []
        super().__init__(name, **kwargs)

    def _network(self, pcap):
        self.hub = Hub()
        return (self.hub.plug("rest", *self._addresses),
                Capture(self.hub, pcap, device=BRIDGE))

    def machine(self, name, *addresses):
        """A namespace of its own; what it sends to itself is recorded too."""
        place = self.hub.plug(name, *addresses)
        self._loops.append(Capture(place, "%s.%s" % (self.capture.path, name)))
        return place

    def wire(self):
        for loop in self._loops:
            loop.flush()
        found = sum((decode(loop.path) for loop in self._loops), super().wire())
        return Wire(sorted(found, key=lambda message: message.time))

    def close(self):
        try:
            super().close()
        finally:
            for loop in self._loops:
                loop.stop()
            self.hub.close()
