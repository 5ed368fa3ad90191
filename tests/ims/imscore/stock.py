# SPDX-License-Identifier: GPL-2.0-or-later
"""The S-CSCF configuration that Kamailio ships, with ims_release added to it."""

import os
import re
import shutil
import subprocess

from rig.case import BUILD, ROOT

from .core import CONFIG, HOME

SHIPPED = os.path.join(BUILD, "kamailio", "misc", "examples", "ims", "scscf")
DIFF = os.path.join(ROOT, "cfg", "ims", "stock-scscf.diff")

# What 5.6.3 and 6.0.1 need to run what was shipped with them: docs/ims-core.md says
# why. Some of it is of one of them alone.
REPAIRS = {
    r"(?m)^mpath=.*$": "",
    r'(?m)^modparam\("dispatcher", "(dst|grp|cnt|sock)_avp".*$': "",
    r'save\("(\w+)","location"\)': r'save("\1","location","async","0")',
    r'(?m)^loadmodule "ims_usrloc_scscf.so"': r'loadmodule "presence.so"\n\g<0>',
    # a brace that stands behind the answer to other domains
    r'exit;\s+\} else \{(\s+sl_send_reply\("403", "Forbidden - Domain not served"\);'
    r'\s+exit\(\);\s+\})\s+\}': r"exit;\n}\n} else {\1",
}
# Where it runs, and how the rig asks it.
PLACE = {
    r"log_stderror=no": "log_stderror=yes",
    r"(?m)^disable_tcp=yes": "tcp_children=1",
    # names are in /etc/hosts
    r"(?m)^(dns_cache_flags|use_dns_failover|use_dns_cache|dns_try_\w+).*$": "",
    r"(?m)^dns_srv_lb=.*$": "use_dns_cache=no",
    r"(/var)?/run/kamailio_scscf/": "RUN_DIR/",
    r"(?m)^(# )?modparam..jsonrpcs., .dgram_socket., .*":
        'loadmodule "corex.so"\nloadmodule "counters.so"\n'
        'modparam("jsonrpcs", "transport", 4)\n'
        'modparam("jsonrpcs", "dgram_socket", "RUN_DIR/kamailio_rpc.sock")',
    # the module, while it is not in Kamailio's module folder
    r'"ims_release.so"': '"IMS_RELEASE"',
}
# 6.0 would have a database, and authenticate calls.
FEATURES = {r"(?m)^#!define (DB_URL|WITH_AUTH)\b.*$": ""}
NAMES = {
    r"11\.22\.33\.44:6060": "scscf.%s:5060" % HOME,
    r"scscf\.(ims\.)?mnc001\.mcc001\.3gppnetwork\.org:6060": "scscf.%s:5060" % HOME,
    r"(?m)^alias=.*$": "alias=scscf.%s\nalias=%s" % (HOME, HOME),
    r"scscf\.(ims\.)?mnc001\.mcc001\.3gppnetwork\.org": "scscf." + HOME,
    r"ims\.mnc001\.mcc001\.3gppnetwork\.org": HOME,
}


def run_shipped(scscf, folder):
    """Has that Kamailio run the shipped configuration, kept in that folder."""
    os.mkdir(folder)
    main = shutil.copy(os.path.join(SHIPPED, "kamailio.cfg"), folder)
    subprocess.run(["patch", "--quiet", main, DIFF], check=True)
    _edit(main, REPAIRS, needed=False)
    _edit(main, {**PLACE, "/etc/kamailio_scscf/": folder + "/"})
    names = os.path.join(folder, "scscf.cfg")
    shutil.copy(os.path.join(SHIPPED, "scscf.cfg.sample"), names)
    _edit(names, FEATURES, needed=False)
    _edit(names, NAMES)
    shutil.copy(os.path.join(CONFIG, "scscf.xml"), folder)
    shutil.copy(os.path.join(SHIPPED, "CxDataType_Rel7.xsd"), folder)
    with open(os.path.join(folder, "dispatcher.list"), "w") as file:
        file.write("1 sip:127.0.0.1:9\n")
    scscf.config = main
    # it tells what it does at the level of errors
    scscf.expect_log(r"<script>: |no transaction found")


def _edit(path, edits, needed=True):
    with open(path) as file:
        text = file.read()
    for pattern, instead in edits.items():
        text, count = re.subn(pattern, instead, text)
        assert count or not needed, "%s has no %s" % (path, pattern)
    with open(path, "w") as file:
        file.write(text)
