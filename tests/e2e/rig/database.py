# SPDX-License-Identifier: GPL-2.0-or-later
"""The database of a case, as its S-CSCF and as the test see it."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
import time

from .pair import check_pair
from .process import wait_until
from .raw import CAUSE, TEXT, nothing_left

DELAY = 100     # ms
KINDS = "sqlite", "mysql"
TABLE = "ims_release"
MEMORY = "/dev/shm"
SCHEMAS = {"sqlite": "/usr/share/kamailio/db_sqlite", "mysql": "/usr/share/kamailio/mysql"}
# What a dialog module logs of a dialog that it had before.
FORGOTTEN = r"unable to find dialog for \w+ with route param"
# What an outage brings, at most once each.
LOST, BACK = "the database cannot be written", "the database is written again"


class Database:
    """`scscf` is what the S-CSCF is started with: network(CALLING, scscf=db.scscf).

    kind    "sqlite" or "mysql"
    delay   db_delay; extra: configuration text besides
    quick   a file of SQLite in memory: no wait for a disk
    """

    def __init__(self, kind, case, mariadb=None, delay=DELAY, extra="", quick=False,
                 **kwargs):
        self.kind, self.case, self.mariadb = kind, case, mariadb
        if kind == "sqlite":
            # a folder of its own, which may be taken away
            if quick and os.access(MEMORY, os.W_OK):
                self.folder = tempfile.mkdtemp(prefix="ims-db-", dir=MEMORY)
                case.add(self)
            else:
                self.folder = os.path.join(case.folder, "database")
                os.mkdir(self.folder)
            self.path = os.path.join(self.folder, "sessions.db")
            self.url = "sqlite:///" + self.path
        else:
            self.name, self.url = mariadb.attach(case)
        self.scscf = {
            "defines": {"WITH_SQLITE" if kind == "sqlite" else "WITH_MYSQL": True},
            "substs": {"DB_URL": self.url}, **kwargs,
            "extra": 'modparam("ims_release", "db_delay", %d)\n' % delay + extra}

    def kill(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextlib.contextmanager
    def sqlite(self):
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def query(self, statement, elsewhere=False):
        """Rows, each a list of columns as text; elsewhere: not in this database."""
        if self.kind == "mysql":
            return self.mariadb.query(statement, "" if elsewhere else self.name)
        with self.sqlite() as connection:
            rows = connection.execute(statement).fetchall()
        return [[value.decode("utf-8", "surrogateescape") if isinstance(value, bytes)
                 else str(value) for value in row] for row in rows]

    def schema(self, name):
        """Creates the tables of a module, as kamdbctl does."""
        for file in "standard", name:
            path = os.path.join(SCHEMAS[self.kind], file + "-create.sql")
            with open(path) as source:
                text = source.read()
            self.script(text)

    def script(self, text):
        """Runs statements."""
        if self.kind == "mysql":
            self.mariadb.query(text, self.name)
            return
        with self.sqlite() as connection:
            connection.executescript(text)

    # -- the table of the module -----------------------------------------------------

    def rows(self, columns="callid, state"):
        return self.query("select %s from %s order by created, uid" % (columns, TABLE))

    def await_rows(self, *states, timeout=5):
        """Until there are rows in these states."""
        wait_until(lambda: sorted(row[1] for row in self.rows()) == sorted(states),
                   timeout, "rows of " + str(states))

    def count(self):
        return int(self.query("select count(*) from " + TABLE)[0][0])

    def changes_of(self, name="journal"):
        """From now on a table has a line for each row that is written."""
        self.query("create table %s (uid varchar(32))" % name)
        self.query("create trigger note_%s after insert on %s for each row %s" % (
            name, TABLE, ("begin insert into %s values (new.uid); end"
                          if self.kind == "sqlite" else
                          "insert into %s values (new.uid)") % name))
        return lambda: int(self.query("select count(*) from " + name)[0][0])


def crash(scscf):
    """The process is gone from one moment to the next, and another one starts."""
    scscf.kill()
    scscf.expect_log(FORGOTTEN)
    scscf.start()


def restart(scscf):
    """It is stopped as an operator does it, and starts anew."""
    scscf.stop()
    scscf.expect_log(FORGOTTEN)
    scscf.start()


def written(db, *states):
    """Until these rows are there, and what has changed besides is too."""
    db.await_rows(*states)
    time.sleep(1.5 * DELAY / 1000)


def released(scene):
    """A release whose pair is what TS 24.229 asks for, by all that was on the wire."""
    scene.release()
    byes = scene.take_byes()
    report = scene.report()
    assert (report["released"], report["failed"]) == (1, 0), report
    check_pair(scene.wire(), scene.topology, scene.call_id, CAUSE, TEXT)
    return byes


def gone(scene, db):
    """It has ended, here and in the database."""
    nothing_left(scene.scscf, of=("sessions", "releasing", "records"))
    db.await_rows()
