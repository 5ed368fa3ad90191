# SPDX-License-Identifier: GPL-2.0-or-later
"""The way of a session through the core, and the BYEs that TS 24.229 asks for on it."""

import dataclasses
import re

from rig import pair
from rig.sip import uri_of

from .core import PASSWORDS


@dataclasses.dataclass(frozen=True)
class Way:
    """Whom the S-CSCF serves, and through which application servers.

    Who is not served is a user of another network, which begins at his very door. A
    caller that is an application server stands before the S-CSCF, too.
    """

    name: str
    caller_served: bool = True
    called_served: bool = True
    orig: tuple = ()
    term: tuple = ()
    caller: str = "alice"
    callee: str = "bob"

    def __str__(self):
        return self.name

    @property
    def servers(self):
        return tuple(dict.fromkeys(self.orig + self.term))

    @property
    def forward(self):
        """Whom a request within the dialog visits on its way from caller to callee."""
        hops = ["pcscf"] if self.caller_served and self.caller in PASSWORDS else []
        for served, servers in ((self.caller_served, self.orig),
                                (self.called_served, self.term)):
            if served:
                hops += ["scscf"]
                for server in servers:
                    hops += [server, "scscf"]
        return hops + (["pcscf"] if self.called_served else []) + ["callee"]


class On:
    """A Way in a core: what rig.pair asks of a topology."""

    def __init__(self, way, core):
        self.way, self._core = way, core
        self._users = {way.caller: "caller", way.callee: "callee"}

    def address(self, who):
        return self._core.addresses[getattr(self.way, who, who)]

    def who_at(self, endpoint):
        name = self._core.name_at(endpoint)
        return self._users.get(name, name)


class Expected(pair.Dialog):
    """The dialog before the release, and the pair by the items of 5.4.5.1.2."""

    def expected(self):
        way = self.topology.way
        routes = self.record_routes[::-1]    # as the caller has them
        host = self.topology.address("scscf")
        ours = [at for at, route in enumerate(routes)
                if re.fullmatch(r"sip:(\w+@)?([\d.]+).*", uri_of(route))[2] == host]
        hops = way.forward
        passes = [at for at, hop in enumerate(hops) if hop == "scscf"]
        if way.caller_served:
            # items 1 and 2: service control for the BYE to the callee
            first, hop = ours[0], passes[0]
            return self.pair((routes[first:], routes[:first][::-1]),
                             (hops[hop:], hops[:hop][::-1] + ["caller"]))
        # items 3 and 4: service control for the BYE to the caller
        last, hop = ours[-1] + 1, passes[-1] + 1
        return self.pair((routes[last:], routes[:last][::-1]),
                         (hops[hop:], hops[:hop][::-1] + ["caller"]))


def check_pair(wire, core, way, call_id, cause, text):
    """Exactly the two BYEs, on every hop; returns them as they left the S-CSCF."""
    return pair.check_pair(wire, On(way, core), call_id, cause, text, dialog=Expected)
