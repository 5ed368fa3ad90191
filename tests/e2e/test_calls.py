# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls go through the S-CSCF, and the module leaves them alone."""

import re

import pytest

from rig.network import (ABROAD, BOTH_AS, CALLED_AS, CALLING, CALLING_AS, TOPOLOGIES)
from rig.sip import uri_of

HANGING_UP = ["caller-hangs-up", "callee-hangs-up"]
VARIANTS = [
    CALLING_AS.but(edge=True), CALLED_AS.but(edge=True),
    BOTH_AS.but(transport="tcp"), BOTH_AS.but(ipv6=True),
    CALLING.but(transport="tcp", ipv6=True),
]


def visits(topology, messages):
    """The names of the hosts that messages went to."""
    return [topology.who_at(message.dst) for message in messages]


def record_routes_of(topology):
    """Who record-routes, nearest to the callee first."""
    return [topology.address(who) for who in reversed(topology.forward[:-1])]


def hosts_of(values):
    """The address of each Record-Route or Route value."""
    uris = [re.match(r"sip:(\[[^]]*\]|[^:;]*)", uri_of(value)) for value in values]
    return [uri.group(1).strip("[]") for uri in uris]


@pytest.mark.parametrize("scenario", HANGING_UP)
@pytest.mark.parametrize("topology", TOPOLOGIES + VARIANTS, ids=str)
def test_call(network, topology, scenario):
    net = network(topology)
    call = net.call(scenario)
    call.finish()
    wire = net.case.wire().where(call_id=call.call_id)

    assert visits(topology, wire.requests("INVITE")) == topology.forward
    offered = wire.requests("INVITE", dst=topology.address("callee")).one()
    assert hosts_of(offered.values("Record-Route")) == record_routes_of(topology)
    assert "P-Served-User" not in dict(offered.headers)

    way = visits(topology, wire.requests("BYE"))
    if scenario == "caller-hangs-up":
        assert way == topology.forward
    else:
        assert way == topology.forward[-2::-1] + ["caller"]

    net.empty()
    assert net.scscf.statistics()["byes_sent"] == 0
    assert net.scscf.statistics()["sessions"] == 0


@pytest.mark.parametrize("topology", [CALLING, BOTH_AS], ids=str)
def test_record_follows_rich_call(network, topology):
    net = network(topology)
    call = net.call("rich-call").settled()
    record = net.scscf.rpc("ims_release.show", "callid", call.call_id)
    assert record["state"] == "confirmed"
    assert (record["caller"]["cseq"], record["callee"]["cseq"]) == (7, 104)
    assert record["caller"]["contact"] == topology.uri("caller", "alice-4")
    assert record["callee"]["contact"] == topology.uri("callee", "bob-4")


def test_application_server_that_leaves(network):
    """An application server that does not record-route sees no BYE."""
    net = network(CALLING_AS, as_defines={"NO_RECORD_ROUTE": True})
    net.call("caller-hangs-up").finish()
    wire = net.case.wire()
    assert visits(CALLING_AS, wire.requests("INVITE")) == CALLING_AS.forward
    assert visits(CALLING_AS, wire.requests("BYE")) == ["scscf", "scscf", "callee"]
    net.empty()


REFUSED = [
    ("sip:carol@" + ABROAD, "sip:bob@" + ABROAD, 404, "neither is served here"),
    ("sip:alice@ims.example", "sip:nobody@ims.example", 480, "not registered"),
]


@pytest.mark.parametrize("caller, called, code, why", REFUSED)
def test_refused_invite(network, caller, called, code, why):
    net = network(CALLING)
    ua = net.agent("caller")
    dialog = ua.invite(called, caller, called)
    dialog.acknowledge_failure(ua.receive(code))
    net.empty()


def test_registration_with_digest(network, case):
    """SIPp registers with credentials, and the binding carries the next call."""
    net = network(CALLING, scscf={"defines": {"WITH_AUTH": True}})
    net.scscf.rpc("htable.sets", "password", "alice", "secret")
    net.register("alice", password="secret").finish()
    codes = [m.code for m in case.wire().responses(method="REGISTER")]
    assert codes == [401, 200]
    answer = case.wire().responses(200, method="REGISTER").one()
    assert answer.uris("Service-Route") == [CALLING.uri("scscf") + ";lr;orig"]
