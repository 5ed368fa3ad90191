# SPDX-License-Identifier: GPL-2.0-or-later
"""A network namespace for each node, and a bridge between them."""

import os

from rig import lan
from rig.case import ROOT

HOSTS = os.path.join(ROOT, "cfg", "ims", "hosts")
BRIDGE = "ims0"

# The mount is ours alone; in a chroot, where / is no mount point, it is nobody's
# business but the chroot's.
NAMES = """
mount --make-rprivate / 2>/dev/null || true
[ -e /etc/hosts ] || : >/etc/hosts
mount --bind {hosts} /etc/hosts
"""


def addresses():
    """Name -> address, as cfg/ims/hosts has them."""
    with open(HOSTS) as file:
        lines = [line.partition("#")[0].split() for line in file]
    return {name: words[0] for words in lines for name in words[1:]}


class Hub(lan.Hub):
    """The bridge, and the names that all nodes know."""

    def __init__(self):
        super().__init__(NAMES.format(hosts=HOSTS), BRIDGE)

    def node(self, name):
        """The namespace of a node: made when it is first asked for."""
        return self.nodes.get(name) or self.plug(name, addresses()[name])
