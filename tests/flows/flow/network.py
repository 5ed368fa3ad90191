# SPDX-License-Identifier: GPL-2.0-or-later
"""Two S-CSCFs beside each other, one with the module and one without."""

import os
import re
import shutil

from rig.case import BUILD, ROOT, Case
from rig.process import wait_until

from .wire import Recorder

SCRIPT, POLICY = "cfg/scscf.cfg", "tests/flows/policy.cfg"

# What the dialog modules say, with the module and without it: of a second BYE, after
# the first was challenged, and of a NOTIFY that comes after the BYE.
SAID_ANYWAY = ["unable to find dialog for (BYE|NOTIFY)", r"bogus event \d in state \d"]

# Seconds that a cancelled branch without any answer may keep its dialog: 64*T1.
LINGER = 34

WITH_MODULE, WITHOUT = "127.0.0.1", "127.0.0.2"

# The script without the module: its line that loads it and its functions.
UNLOADED = [
    (r'(?m)^loadmodule "IMS_RELEASE"$', ""),
    (r"ims_release_is_own\(\)", 'is_method("NONE")'),
    (r"ims_release_serve\(.*\);", "$var(served) = 1;"),
    (r'(?m)^modparam\("ims_release".*\)$', ""),
]


def without_module(text):
    for pattern, replacement in UNLOADED:
        text = re.sub(pattern, replacement, text)
    assert "ims_release_" not in text, "the script calls more of the module"
    return text


def _text(path):
    with open(os.path.join(ROOT, path)) as file:
        return file.read()


class Network:
    """One case: both S-CSCFs run for as long as all flows take."""

    def __init__(self, host):
        # a folder of this run alone: another one may go on beside it
        self.case = Case("flows-%s-%d" % (host, os.getpid()))
        self.host = host
        self.recorder = Recorder(self.case.capture)
        self.scscf = self._kamailio("scscf", WITH_MODULE, str)
        self.bare = self._kamailio("bare", WITHOUT, without_module)
        self._runs = 0
        self.audits = []

    def _kamailio(self, name, address, changed):
        """changed: what is done to the text of the configuration."""
        defines = {"WITH_AUTH": True, "WITH_SITE_POLICY": True}
        if self.host == "ims_dialog":
            defines["WITH_IMS_DIALOG"] = True
        # a copy: the module may be built anew while the flows run
        module = shutil.copy(BUILD + "/ims_release.so", self.case.folder)
        path = os.path.join(self.case.folder, name + "-script.cfg")
        with open(path, "w") as file:
            file.write(changed(_text(SCRIPT)))
        # one worker: what a user sends at once, such as 180 and 200, stays in order
        made = self.case.kamailio(
            name, path, ["udp:%s:5060" % address], defines=defines,
            substs={"IMS_RELEASE": module, "WORKERS": 1}, extra=changed(_text(POLICY)))
        for pattern in SAID_ANYWAY:
            made.expect_log(pattern)
        return made

    def start(self):
        for kamailio in (self.scscf, self.bare):
            kamailio.launch()
        for kamailio in (self.scscf, self.bare):
            kamailio.ready()
        return self

    def next_run(self):
        self._runs += 1
        return self._runs

    def _no_dialogs(self):
        """None but of flows of which the dialog module by itself leaves some."""
        kept = self._kept(self.bare)
        # ims_dialog of 5.6.3: when the script challenges a BYE
        assert kept <= {"14"}, kept
        return self._kept(self.scscf) <= kept

    @staticmethod
    def _kept(kamailio):
        """The numbers of the flows that it has dialogs of."""
        ids = [d.get("call-id") or d.get("Call-ID") for d in kamailio.dialogs()]
        return {call_id.rpartition("/")[2][:2] for call_id in ids}

    def check_empty(self):
        """No dialog, no session, and nothing came late."""
        wait_until(self._no_dialogs, LINGER, "no dialog is left")
        statistics = self.scscf.statistics()
        assert statistics["sessions"] == statistics["releasing"] == 0, statistics
        for audit in self.audits:
            audit()
