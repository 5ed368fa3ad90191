# SPDX-License-Identifier: GPL-2.0-or-later
"""One MariaDB server for a test run, a database of its own for each case.

The server listens on a UNIX socket alone, which no network namespace stands before.
Kamailio looks for it at the client library's default path: `attach` puts the
server's folder there, for the case alone.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile

from .process import RigError, tail, wait_until

DEFAULT_FOLDER = "/run/mysqld"
SOCKET = "mysqld.sock"


class MariaDb:
    def __init__(self):
        self._folder = tempfile.mkdtemp(prefix="ims-db-")
        self._socket_folder = os.path.join(self._folder, "run")
        os.mkdir(self._socket_folder)
        self._log = os.path.join(self._folder, "log")
        self._names = itertools.count(1)
        data = os.path.join(self._folder, "data")
        with open(self._log, "ab") as log:
            subprocess.run(
                ["mariadb-install-db", "--no-defaults", "--user=root",
                 "--datadir=" + data, "--auth-root-authentication-method=normal",
                 "--skip-test-db"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                check=True)
        self.start()

    def start(self):
        with open(self._log, "ab") as log:
            self._server = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "mariadbd", "--no-defaults",
                 "--user=root", "--datadir=" + os.path.join(self._folder, "data"),
                 "--skip-networking", "--innodb-flush-log-at-trx-commit=0",
                 "--socket=" + os.path.join(self._socket_folder, SOCKET)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._ready, 30, "MariaDB answers")

    def _ready(self):
        if self._server.poll() is not None:
            raise RigError("MariaDB did not start\n" + tail(self._log))
        return self._client("select 1").returncode == 0

    def _client(self, statement, database=""):
        return subprocess.run(
            [*self._command(), *([database] if database else [])], input=statement,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
            errors="surrogateescape")

    def _command(self):
        return ["mariadb", "--no-defaults", "--batch", "--skip-column-names",
                "--unbuffered", "--user=root",
                "--socket=" + os.path.join(self._socket_folder, SOCKET)]

    def attach(self, case):
        """A new database for a case: (its name, the URL for Kamailio)."""
        os.makedirs(DEFAULT_FOLDER, exist_ok=True)
        done = case.ns.run("mount", "--bind", self._socket_folder, DEFAULT_FOLDER)
        assert done.returncode == 0, done.stdout
        name = "kamailio_%d" % next(self._names)
        self.query("create database " + name)
        self.query("create user if not exists kamailio identified by 'secret'")
        self.query("grant all on %s.* to kamailio" % name)
        return name, "mysql://kamailio:secret@localhost/" + name

    def query(self, statement, database=""):
        """Runs a statement; the rows, each a list of columns as text."""
        done = self._client(statement, database)
        assert done.returncode == 0, done.stdout
        return [line.split("\t") for line in done.stdout.splitlines()]

    @contextlib.contextmanager
    def paused(self):
        """It takes connections and answers nothing."""
        self._server.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._server.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def holding(self, statement, database):
        """A client has done that, a lock say, and stays."""
        client = subprocess.Popen(
            [*self._command(), database], stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        client.stdin.write(statement + "; select 'done';\n")
        client.stdin.flush()
        try:
            assert client.stdout.readline() == "done\n"
            yield
        finally:
            client.stdin.close()
            client.wait(10)
            client.stdout.close()

    def shut(self):
        self._server.terminate()
        self._server.wait(30)

    def stop(self):
        self.shut()
        shutil.rmtree(self._folder, ignore_errors=True)
