# SPDX-License-Identifier: GPL-2.0-or-later
"""The rig itself: what every case rests on, and what no case uses yet."""

import pytest

from rig.network import CALLING, Network
from rig.process import RigError
from rig.sip import Message, same_party, split_list, tag_of, uri_of
from rig.pair import reason


def test_bad_configuration_is_told(case):
    net = Network(case, "dialog", CALLING, scscf={"extra": "no such thing\n"})
    with pytest.raises(RigError, match="(?s)did not start.*syntax error"):
        net.start()


def test_complaint_in_the_log_fails(case):
    net = Network(case, "dialog", CALLING, scscf={
        "extra": 'event_route[core:worker-one-init] { xlog("L_ERR", "ouch\\n"); }\n'})
    net.start()
    with pytest.raises(AssertionError, match="ouch"):
        net.scscf.stop()


def test_database_of_a_case(case, mariadb):
    """Kamailio in its namespace reaches the one server of the run."""
    name, url = mariadb.attach(case)
    mariadb.query("create table version (table_name varchar(32), table_version int)",
                  name)
    mariadb.query("insert into version values ('test', 7)", name)
    net = Network(case, "dialog", CALLING, scscf={"extra": (
        'loadmodule "sqlops.so"\nloadmodule "db_mysql.so"\n'
        'modparam("sqlops", "sqlcon", "db=>%s")\n'
        "event_route[core:worker-one-init] {\n"
        '\tsql_query("db", "select * from version", "r");\n'
        '\txlog("L_NOTICE", "found $dbr(r=>[0,1])\\n");\n}\n' % url)})
    net.start()
    net.scscf.stop()
    assert net.scscf.log_lines("found 7")


def test_headers():
    assert split_list('"a, b" <sip:a,b@c;x="y,">;q=1, <sip:d>,e') \
        == ['"a, b" <sip:a,b@c;x="y,">;q=1', "<sip:d>", "e"]
    assert uri_of('"<no>" <sip:yes@h;lr>;tag=1') == "sip:yes@h;lr"
    assert uri_of("sip:plain@h;tag=1") == "sip:plain@h"
    assert tag_of('"tag=no" <sip:a;tag=no>;x=1; tag = yes') == "yes"
    assert same_party("sip:a@b;tag=1;x=2", "<sip:a@b>;x=2;tag=1")
    assert not same_party('"A" <sip:a@b>;tag=1', "<sip:a@b>;tag=1")


def test_message():
    message = Message(b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h;branch=z9\r\n"
                      b"Record-Route: <sip:a;lr>,\r\n <sip:b;lr>\r\n"
                      b"Record-Route: <sip:c;lr>\r\nCSeq: 7 BYE\r\ni: x@y\r\n\r\nbody")
    assert (message.code, message.method, message.cseq) == (200, "BYE", 7)
    assert (message.branch, message.call_id) == ("z9", "x@y")
    assert message.uris("Record-Route") == ["sip:a;lr", "sip:b;lr", "sip:c;lr"]
    assert message.body == b"body"


def test_reason():
    assert reason('SIP ;cause=503 ;text="a \\"b\\" \\\\"') == ("SIP", "503", 'a "b" \\')
    with pytest.raises(AssertionError):
        reason('SIP;cause=503;text="open')
