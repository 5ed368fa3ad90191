# SPDX-License-Identifier: GPL-2.0-or-later
"""A network namespace for each node, and a bridge between them."""

import os
import subprocess

from rig.case import ROOT
from rig.namespace import Namespace

HOSTS = os.path.join(ROOT, "cfg", "ims", "hosts")
BRIDGE = "ims0"

# Both keep their namespaces until their standard input closes. The mount is ours alone;
# in a chroot, where / is no mount point, it is nobody's business but the chroot's.
HUB = """
mount --make-rprivate / 2>/dev/null || true
[ -e /etc/hosts ] || : >/etc/hosts
mount --bind {hosts} /etc/hosts
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
link add {port} type veth peer name eth0 netns {pid}
link set {port} addrgenmode none master {bridge} up
"""
ADDRESS = """
link set eth0 addrgenmode none
addr add {address}/24 dev eth0
link set eth0 up
"""


def addresses():
    """Name -> address, as cfg/ims/hosts has them."""
    with open(HOSTS) as file:
        lines = [line.partition("#")[0].split() for line in file]
    return {name: words[0] for words in lines for name in words[1:]}


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
    """The bridge, and the names that all nodes know."""

    def __init__(self):
        super().__init__(
            ["unshare", "--net", "--mount", "--propagation", "unchanged"],
            HUB.format(hosts=HOSTS, bridge=BRIDGE))
        self.nodes = {}

    def node(self, name):
        """The namespace of a node: made when it is first asked for."""
        if name not in self.nodes:
            self.nodes[name] = Node(self, "port%d" % len(self.nodes), addresses()[name])
        return self.nodes[name]

    def close(self):
        for node in getattr(self, "nodes", {}).values():
            node.close()
        super().close()


class Node(_Holder):
    """One address of its own, behind a port of the hub."""

    def __init__(self, hub, port, address):
        self.address = address
        super().__init__(
            [*hub.command(["unshare", "--net"])], NODE)
        hub.batch(PLUG.format(port=port, pid=self.pid, bridge=BRIDGE))
        self.batch(ADDRESS.format(address=address))
