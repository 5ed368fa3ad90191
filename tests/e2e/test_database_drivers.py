# SPDX-License-Identifier: GPL-2.0-or-later
"""Which databases serve, how the table comes to be there, and what refuses to start."""

import os
import shutil

import pytest

from rig.case import ROOT
from rig.database import crash, released, restart, written
from rig.network import CALLING, CALLING_AS, Network
from rig.process import wait_until
from rig.raw import Scene, nothing_left
from rig.variant import adapted

SQL = os.path.join(ROOT, "modules", "ims_release", "sql")
VERSIONS = "create table version (table_name varchar(32) not null primary key, " \
    "table_version integer default 0 not null)"

pytestmark = pytest.mark.only_host("dialog")


def table_of(db, name="ims_release"):
    """What the database knows of a table."""
    if db.kind == "mysql":
        return db.query("show create table " + name)
    return db.query("pragma table_info(%s)" % name)


def create_by_file(db):
    with open(os.path.join(SQL, "ims_release-%s.sql" % db.kind)) as file:
        db.script(file.read())


def test_schema_files(network, database):
    """The table of the file is the one that the module makes; either serves."""
    db = database()
    net = network(CALLING, scscf=db.scscf)
    made = table_of(db), db.query("select * from version")
    net.scscf.stop()
    db.query("drop table ims_release")
    db.query("delete from version")
    create_by_file(db)
    assert (table_of(db), db.query("select * from version")) == made
    net.scscf.start()
    scene = Scene(net).connect()
    written(db, "confirmed")
    crash(net.scscf)
    released(scene)
    db.await_rows()


def test_beside_kamailio_s_own(network, database):
    """In a database that kamdbctl made, with its table of versions."""
    db = database()
    db.schema("dialog")
    create_by_file(db)
    scene = Scene(network(CALLING, scscf=db.scscf)).connect()
    db.await_rows("confirmed")
    scene.release()
    scene.take_byes()
    db.await_rows()


@pytest.mark.parametrize("database", ["mysql"], indirect=True)
def test_rights(network, database):
    """Who may not create tables uses the one that somebody made."""
    db = database()
    db.query(VERSIONS)
    create_by_file(db)
    db.query("revoke all on %s.* from kamailio" % db.name)
    db.query("grant select, insert, delete on %s.* to kamailio" % db.name)
    scene = Scene(network(CALLING, scscf=db.scscf)).connect()
    db.await_rows("confirmed")
    scene.release()
    scene.take_byes()
    db.await_rows()


def refuses(case, message, **scscf):
    """It does not start, and says why in a line of its own."""
    kamailio = Network(case, "dialog", CALLING, scscf=scscf).scscf.launch()
    kamailio.expect_log("")
    assert kamailio.wait_exit() == 255
    lines = kamailio.log_lines(r"(ERROR|CRITICAL): ims_release ")
    assert any(message in line for line in lines), lines


@pytest.mark.parametrize("version", [0, 2, 77])
def test_another_version(case, database, version):
    db = database()
    db.query(VERSIONS)
    create_by_file(db)
    db.query("update version set table_version = %d" % version)
    if not version:
        db.query("delete from version")
    refuses(case, "table ims_release is of version %d, needed is 1" % version
            if version else "table ims_release has no row in table version: it is not ours",
            **db.scscf)


def test_away_at_start(case, database):
    db = database()
    if db.kind == "sqlite":
        os.rmdir(db.folder)
    else:
        db.query("drop database " + db.name, elsewhere=True)
    refuses(case, "the database of parameter db_url cannot be used", **db.scscf)


def test_no_database_at_all(case, database):
    """Not a file of SQLite, a password that is wrong."""
    db = database()
    if db.kind == "sqlite":
        with open(db.path, "w") as file:
            file.write("this is no database " * 100)
    else:
        db.scscf["substs"]["DB_URL"] = db.url.replace("secret", "wrong")
    refuses(case, "the database of parameter db_url cannot be used", **db.scscf)


def test_no_driver(case):
    url = "postgres://x:y@localhost/z"
    refuses(case, "parameter db_url needs module db_postgres: load it before ims_release",
            extra='modparam("ims_release", "db_url", "%s")\n' % url)


# -- a driver without statements for many rows ----------------------------------------

@pytest.fixture
def texts(case):
    """db_text: a network whose sessions are in files, a row a line."""
    folder = os.path.join(case.folder, "texts")
    os.mkdir(folder)
    shutil.copy(os.path.join(SQL, "ims_release-dbtext"), folder + "/ims_release")
    with open(folder + "/version", "w") as file:
        file.write("table_name(string) table_version(int) \nims_release:1\n")
    net = adapted(
        case, "dialog", CALLING_AS, {
            r'loadmodule "IMS_RELEASE"\n':
                'loadmodule "db_text.so"\nmodparam("db_text", "db_mode", 1)\n'
                'loadmodule "IMS_RELEASE"\n'
                'modparam("ims_release", "db_url", "text://%s")\n'
                'modparam("ims_release", "db_delay", 100)\n' % folder})
    net.folder = folder
    return net


def lines_of(net):
    with open(net.folder + "/ims_release") as file:
        return file.read().splitlines()[1:]


def test_row_by_row(texts):
    net = texts.start()
    scene = Scene(net).connect()
    scene.within("callee", "UPDATE", contact="<sip:moved@127.0.0.22:5060;x=1>")
    scene.within("caller", "INFO")
    restart(net.scscf)
    assert net.scscf.statistics()["sessions"] == 1
    released(scene)
    nothing_left(net.scscf)
    restart(net.scscf)
    nothing_left(net.scscf)
    assert lines_of(net) == []


def test_rows_after_a_crash(texts):
    """db_text has its files written only when it is told to."""
    def dumped():
        net.scscf.rpc("db_text.dump")
        return lines_of(net)

    net = texts.start()
    scene = Scene(net).connect()
    wait_until(lambda: any(":confirmed:" in line for line in dumped()), 5, "the row")
    crash(net.scscf)
    released(scene)
    wait_until(lambda: dumped() == [], 5, "no row")
