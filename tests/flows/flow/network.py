# SPDX-License-Identifier: GPL-2.0-or-later
"""Two S-CSCFs beside each other, one with the module and one without."""

import os
import re
import shutil

from rig.case import BUILD, ROOT, Case
from rig.process import wait_until

from .wire import Recorder

WITH_MODULE, WITHOUT = "127.0.0.1", "127.0.0.2"

# What the flows need of the S-CSCF besides its own script: who does not answer or is
# busy is forwarded, both users of flow 14 are challenged, flow 19 does not take long.
POLICY = """
# a callee may take a while to answer what the S-CSCF cancelled; default 5000
modparam("tm", "wt_timer", 2000)
modparam("htable", "htable", "forward=>size=8;")

route[SITE_POLICY] {
	if($ci =~ "^14-") {
		route(CHALLENGE);
	}
	if(is_method("INVITE") && !has_totag()) {
		if($ci =~ "^1[012]-") {
			t_on_failure("FORWARD");
			t_set_fr(1000);
		} else if($ci =~ "^19-") {
			t_set_fr(1000, 1000);
		}
	}
}

route[CHALLENGE] {
	if(ims_release_is_own()) {
		return;
	}
	if(!is_method("BYE") && !(is_method("INVITE") && !has_totag())) {
		return;
	}
	if(!pv_proxy_authenticate("HOME_DOMAIN", "secret", "0")) {
		proxy_challenge("HOME_DOMAIN", "0");
		exit;
	}
	consume_credentials();
}

failure_route[FORWARD] {
	if(t_is_canceled()) {
		exit;
	}
	$ru = $sht(forward=>$ci);
	t_relay();
}
"""

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


class Network:
    """One case: both S-CSCFs run for as long as all flows take."""

    def __init__(self, host):
        self.case = Case("flows-" + host)
        self.host = host
        self.recorder = Recorder(self.case.capture)
        self.scscf = self._kamailio("scscf", WITH_MODULE, "cfg/scscf.cfg", POLICY)
        with open(os.path.join(ROOT, "cfg/scscf.cfg")) as file:
            bare = without_module(file.read())
        path = os.path.join(self.case.folder, "without-module.cfg")
        with open(path, "w") as file:
            file.write(bare)
        self.bare = self._kamailio("bare", WITHOUT, path, without_module(POLICY))
        self._runs = 0
        self.audits = []

    def _kamailio(self, name, address, config, policy):
        defines = {"WITH_AUTH": True, "WITH_SITE_POLICY": True}
        if self.host == "ims_dialog":
            defines["WITH_IMS_DIALOG"] = True
        # a copy: the module may be built anew while the flows run
        module = shutil.copy(BUILD + "/ims_release.so", self.case.folder)
        return self.case.kamailio(
            name, config, ["udp:%s:5060" % address], defines=defines,
            substs={"IMS_RELEASE": module, "WORKERS": 2}, extra=policy)

    def start(self):
        for kamailio in (self.scscf, self.bare):
            kamailio.launch()
        for kamailio in (self.scscf, self.bare):
            kamailio.ready()
        return self

    def next_run(self):
        self._runs += 1
        return self._runs

    def check_empty(self):
        """No dialog, no session, and nothing came late."""
        for kamailio in (self.scscf, self.bare):
            wait_until(lambda: not kamailio.dialogs(), 8, "no dialog is left")
        statistics = self.scscf.statistics()
        assert statistics["sessions"] == statistics["releasing"] == 0, statistics
        for audit in self.audits:
            audit()
