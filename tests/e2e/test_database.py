# SPDX-License-Identifier: GPL-2.0-or-later
"""Sessions outlive the process: what the database has, a new process releases."""

import os
import sqlite3
import time

import pytest

from rig.network import BOTH_AS, CALLED_AS, CALLING, CALLING_AS
from rig.process import wait_until
from rig.raw import Scene, nothing_left

DELAY = 100     # ms


class Database:
    """The database of a case, as its S-CSCF and as the test see it."""

    def __init__(self, kind, case, mariadb, delay=DELAY):
        self.kind, self.case, self._mariadb = kind, case, mariadb
        if kind == "sqlite":
            self.path = os.path.join(case.folder, "sessions.db")
            url, switch = "sqlite:///" + self.path, "WITH_SQLITE"
        else:
            self.name, url = mariadb.attach(case)
            switch = "WITH_MYSQL"
        self.scscf = {"defines": {switch: True}, "substs": {"DB_URL": url},
                      "extra": 'modparam("ims_release", "db_delay", %d)\n' % delay}

    def query(self, statement):
        """Rows, each a list of columns as text."""
        if self.kind == "mysql":
            return self._mariadb.query(statement, self.name)
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                rows = connection.execute(statement).fetchall()
        finally:
            connection.close()
        return [[value.decode() if isinstance(value, bytes) else str(value)
                 for value in row] for row in rows]

    def rows(self, columns="callid, state"):
        return self.query("select %s from ims_release order by created" % columns)

    def await_rows(self, *states):
        """Until there are rows in these states."""
        wait_until(lambda: sorted(row[1] for row in self.rows()) == sorted(states), 5,
                   "rows of " + str(states))


@pytest.fixture(params=["sqlite", "mysql"])
def database(request, case, mariadb):
    def make(**kwargs):
        return Database(request.param, case, mariadb, **kwargs)
    return make


def crash(scscf):
    """The process is gone from one moment to the next, and another one starts."""
    scscf.kill()
    scscf.start()


def released(scene):
    scene.release()
    byes = scene.take_byes()
    report = scene.report()
    assert (report["released"], report["failed"]) == (1, 0), report
    return byes


@pytest.mark.parametrize("topology", [CALLING, CALLING_AS, CALLED_AS, BOTH_AS], ids=str)
def test_crash(network, database, topology):
    """What is released after it is exact: CSeq, targets, routes, From and To."""
    db = database()
    scene = Scene(network(topology, scscf=db.scscf)).connect()
    scene.within("callee", "UPDATE", contact="<sip:moved@127.0.0.22:5060;x=1>")
    scene.within("caller", "INFO")
    db.await_rows("confirmed")
    before = scene.scscf.rpc("ims_release.show", "callid", scene.call_id)
    time.sleep(2 * DELAY / 1000)
    crash(scene.scscf)
    after = scene.scscf.rpc("ims_release.show", "callid", scene.call_id)
    del before["id"], before["age"], after["id"], after["age"]
    assert after == before
    callee, caller = released(scene)
    assert (callee.cseq, caller.cseq) == (scene.call.cseq + 1, scene.party.cseq + 1)
    assert callee.uri == "sip:moved@127.0.0.22:5060;x=1"
    assert not db.rows() or db.await_rows() is None
    nothing_left(scene.scscf, of=("sessions", "releasing", "records"))
