# SPDX-License-Identifier: GPL-2.0-or-later
"""One test case: its namespace, its capture, its processes, its folder."""

import os
import shutil
import tempfile

from .capture import Capture
from .decode import decode
from .kamailio import Kamailio
from .namespace import Namespace

ROOT = os.path.abspath(
    os.path.join(os.path.dirname(__file__), os.pardir, os.pardir, os.pardir))
BUILD = os.environ.get("IMS_RELEASE_BUILD", os.path.join(ROOT, "build"))


class Case:
    """Start things with `kamailio` and `add`; `close` ends and checks them all."""

    suite = "e2e"

    def __init__(self, name, valgrind=False):
        self.folder = os.path.join(BUILD, self.suite, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        # a path to a socket is 107 bytes at most
        self._run_dir = tempfile.mkdtemp(prefix="ims-")
        self.valgrind = valgrind
        self._kamailios, self._others = [], []
        self.ns, self.capture = self._network(os.path.join(self.folder, "wire.pcap"))

    def _network(self, pcap):
        """The namespace, and what records it."""
        ns = Namespace()
        return ns, Capture(ns, pcap)

    def kamailio(self, name, config, listen, ns=None, **kwargs):
        """A Kamailio of this case, not started yet. config: path within the project."""
        instance = Kamailio(
            ns or self.ns, name, os.path.join(ROOT, config), self.folder,
            os.path.join(self._run_dir, name), listen,
            valgrind=self.valgrind and name == "scscf", **kwargs)
        self._kamailios.append(instance)
        return instance

    def add(self, other):
        """Something with a kill(), to be ended when the case is."""
        self._others.append(other)
        return other

    def wire(self):
        """What passed until now, as SIP messages."""
        self.capture.flush()
        return decode(self.capture.path)

    def close(self):
        """Ends everything; raises the first thing that did not end well."""
        troubles = []
        for other in self._others:
            other.kill()
        for kamailio in self._kamailios:
            troubles += _trouble(kamailio.stop)
            kamailio.kill()
        troubles += _trouble(self.capture.stop)
        self.ns.close()
        shutil.rmtree(self._run_dir, ignore_errors=True)
        if troubles:
            raise troubles[0]

    def forget(self):
        """Removes the folder of a case that passed."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _trouble(action):
    try:
        action()
    except Exception as error:
        return [error]
    return []
