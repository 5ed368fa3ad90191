# SPDX-License-Identifier: GPL-2.0-or-later
"""The database goes away and comes back: calls do not notice, and nothing is lost."""

import contextlib
import itertools
import os
import sys
import time

import pytest

from rig.crowd import Crowd
from rig.database import BACK, KINDS, LOST, crash, gone, released, restart, written
from rig.network import CALLING, CALLING_AS
from rig.process import wait_until
from rig.raw import Scene

pytestmark = pytest.mark.only_host("dialog")

PROMPT = 0.3    # seconds that a request and its answer take at most
# a driver that hangs gives up sooner than it does by itself
SOON = 'modparam("db_mysql", "timeout_interval", 1)\n'


# -- ways to lose it ------------------------------------------------------------------

@contextlib.contextmanager
def away(db):
    if db.kind == "sqlite":
        os.rename(db.folder, db.folder + "-gone")
        yield
        os.rename(db.folder + "-gone", db.folder)
    else:
        db.mariadb.shut()
        try:
            yield
        finally:
            db.mariadb.start()


@contextlib.contextmanager
def locked(db):
    """Somebody else has the table for himself."""
    if db.kind == "sqlite":
        with db.sqlite() as connection:
            connection.execute("begin exclusive")
            yield
    else:
        with db.mariadb.holding("lock tables ims_release write", db.name):
            yield


@contextlib.contextmanager
def hanging(db):
    with db.mariadb.paused():
        yield


@contextlib.contextmanager
def refusing(db):
    """Whatever is to be written: read-only, full."""
    for event in "insert", "delete":
        name = "no_" + event
        db.query("create trigger %s before %s on ims_release for each row %s" % (
            name, event, "begin select raise(abort, 'read-only'); end"
            if db.kind == "sqlite" else
            "signal sqlstate '45000' set message_text = 'read-only'"))
    yield
    for event in "insert", "delete":
        db.query("drop trigger no_" + event)


@contextlib.contextmanager
def dropped(db):
    """It stays away: a new one is made."""
    db.query("drop table ims_release")
    yield


# -- what happens meanwhile -----------------------------------------------------------

def lost(scscf):
    """From now on it may complain; until it has."""
    scscf.expect_log(r"ERROR: (db_mysql|db_sqlite|<core> \[(lib/srdb1/)?db)")
    scscf.expect_log(LOST)
    scscf.expect_log("CRITICAL: <core>.*db_sqlite")
    return lambda: scscf.log_lines(LOST)


def prompt(scene, *args, **kwargs):
    begin = time.monotonic()
    scene.within(*args, **kwargs)
    assert time.monotonic() - begin < PROMPT


def another(scene):
    """One more call of the same users."""
    fresh = Scene.__new__(Scene)
    fresh.__dict__.update(scene.__dict__)
    return fresh.connect()


@pytest.mark.parametrize("database, way", [
    *itertools.product(KINDS, [away, locked, refusing, dropped]), ("mysql", hanging),
], indirect=["database"])
def test_in_mid_run(network, database, way):
    """Changed, ended and new sessions: all of it is written when it is back."""
    db = database(extra=SOON if database.kind == "mysql" else "")
    first = Scene(network(CALLING_AS, scscf=db.scscf)).connect()
    scscf = first.scscf
    ended, quiet = another(first), another(first)
    written(db, *3 * ["confirmed"])
    said = lost(scscf)
    with way(db):
        prompt(first, "caller", "INFO")
        prompt(first, "callee", "UPDATE", contact="<sip:moved@127.0.0.22:5060>")
        prompt(ended, "caller", "BYE")
        fresh = another(first)
        wait_until(said, 15, "it is noticed")
        prompt(first, "caller", "INFO")
        prompt(fresh, "callee", "INFO")
        assert scscf.statistics()["db_errors"] >= 1
    wait_until(lambda: scscf.log_lines(BACK), 15, "it is noticed that it is back")
    written(db, *3 * ["confirmed"])
    assert (len(said()), len(scscf.log_lines(BACK))) == (1, 1)
    crash(scscf)
    for scene in first, quiet, fresh:
        released(scene)
    gone(first, db)


@pytest.mark.parametrize("database", ["mysql"], indirect=True)
def test_killed_connections(network, database):
    """In mid-batch, again and again."""
    db = database(delay=10)
    net = network(CALLING, scscf=db.scscf)
    lost(net.scscf)
    crowd = net.case.add(Crowd(net))
    kept, of = [], []
    for _ in range(12):
        ids = crowd.call(20)
        for (number,) in db.query("select id from information_schema.processlist where "
                                  "db = '%s' and user = 'kamailio'" % db.name):
            db.query("kill %s" % number)
        crowd.hang_up(ids[:10])
        of += ids[:10]
        kept += ids[10:]
    wait_until(lambda: sorted(row[0] for row in db.rows()) == sorted(kept), 10,
               "what is kept")
    crash(net.scscf)
    assert net.scscf.statistics()["sessions"] == len(kept)


def inside(db, statement):
    """The first column of rows, by a process that sees what is mounted in there."""
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1])\n" \
        "for row in c.execute(sys.argv[2]): print(bytes.decode(row[0]) " \
        "if isinstance(row[0], bytes) else row[0])"
    done = db.case.ns.run(sys.executable, "-c", script, db.path, statement)
    assert done.returncode == 0, done.stdout
    return done.stdout.split()


@contextlib.contextmanager
def no_room(db):
    hog = db.folder + "/hog"
    db.case.ns.run("dd", "if=/dev/zero", "of=" + hog, "bs=1k")
    yield
    db.case.ns.run("rm", hog)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_full(network, database):
    """A file system without room: what changes is kept until there is some."""
    db = database()
    mounted = db.case.ns.run("mount", "-t", "tmpfs", "-o", "size=128k", "none", db.folder)
    assert mounted.returncode == 0, mounted.stdout
    net = network(CALLING, scscf=db.scscf)
    said = lost(net.scscf)
    crowd = net.case.add(Crowd(net))
    with no_room(db):
        ids = crowd.call(60)
        wait_until(said, 5, "it is noticed")
        assert len(inside(db, "select uid from ims_release")) < 60
        crowd.hang_up(ids[:40])
    wait_until(lambda: net.scscf.log_lines(BACK), 5, "it is noticed that there is room")
    wait_until(lambda: sorted(inside(db, "select callid from ims_release"))
               == sorted(ids[40:]), 5)


def test_stopped_while_away(network, database):
    """It ends as it should; what the database had before is there again."""
    db = database()
    scene = Scene(network(CALLING, scscf=db.scscf)).connect()
    written(db, "confirmed")
    said = lost(scene.scscf)
    scene.scscf.expect_log("the database is away at the end")
    with away(db):
        scene.within("caller", "INFO")
        wait_until(said, 15, "it is noticed")
        scene.scscf.stop()
        assert scene.scscf.log_lines("the database is away at the end")
    scene.scscf.start()
    assert scene.scscf.statistics()["sessions"] == 1


def test_too_low_after_a_crash(network, database):
    """What was not written yet: a peer that counts says 500, the next BYE is right."""
    db = database(delay=3600000)
    scene = Scene(network(CALLING_AS, scscf=db.scscf)).connect()
    scene.within("callee", "INFO")
    restart(scene.scscf)
    for _ in range(3):
        scene.within("callee", "INFO")
    crash(scene.scscf)
    scene.release()
    callee = scene.take_bye(scene.callee)
    assert callee.cseq == scene.call.cseq + 1
    low = scene.take_bye(scene.caller, 500)
    assert low.cseq <= scene.party.cseq
    right = scene.take_bye(scene.caller)
    assert right.cseq > scene.party.cseq and right.branch != low.branch
    report = scene.report()
    assert (report["released"], report["failed"]) == (1, 0), report
    scene.nothing_left()
