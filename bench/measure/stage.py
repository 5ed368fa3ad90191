# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a figure is measured: a namespace and an S-CSCF, with the module or without.

Both run cfg/scscf.cfg. For the dialog module alone, what names the module is taken
out of it.
"""

import os
import re
import shutil
import tempfile

from rig.case import BUILD, ROOT
from rig.kamailio import Kamailio
from rig.namespace import Namespace
from rig.process import children

CONFIG = os.path.join(ROOT, "cfg", "scscf.cfg")
TLSF = ["-x", "tlsf", "-X", "tlsf"]
QUICK = bool(os.environ.get("BENCH_QUICK"))


def quick(short, full):
    """How many: fewer for a smoke test."""
    return short if QUICK else full


def config_without(text):
    """The configuration without the module and all that it would be asked."""
    text = re.sub(r"(?m)^#.*ims_release.*\n", "", text)
    text = text.replace('loadmodule "IMS_RELEASE"\n', "")
    text = re.sub(r'(?m)^modparam\("ims_release".*\n', "", text)
    text = text.replace("sqlite:////var/lib/kamailio/ims_release.db", "")
    text = re.sub(r"(?s)\tif\(!ims_release_is_own\(\)\) \{\n(.*?)\t\}\n", r"\1", text)
    text = re.sub(r"(?s)\tif\(is_method\(\"INVITE\"\)\) \{\n\t\tims_release_serve\("
                  r".*?\n\t\}\n", "", text)
    if "ims_release" in text:
        raise RuntimeError("cfg/scscf.cfg has a use of the module that is not known")
    return text


def stat(pids, fields):
    """What /proc/PID/stat counts of processes and their children, summed up.

    fields    numbers as proc(5) has them
    """
    total = 0
    for pid in pids:
        for one in (pid, *children(pid)):
            with open("/proc/%d/stat" % one) as file:
                words = file.read().rpartition(")")[2].split()
            total += sum(int(words[field - 3]) for field in fields)
    return total


def processor_time(pids):
    """Seconds that processes and their children have run."""
    return stat(pids, (14, 15)) / os.sysconf("SC_CLK_TCK")


class Stage:
    """One S-CSCF and what calls through it; `with` ends all of it."""

    def __init__(self, name, module=True, make=Kamailio, args=(), extra="",
                 workers=2, memory=4096):
        self.folder = os.path.join(BUILD, "bench", name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self._run_dir = tempfile.mkdtemp(prefix="bench-")
        self.ns = Namespace()
        self._others = []
        config, substs = CONFIG, {"WORKERS": workers}
        if module:
            substs["IMS_RELEASE"] = shutil.copy(
                os.path.join(BUILD, "ims_release.so"), self.folder)
        else:
            config = os.path.join(self.folder, "without.cfg")
            with open(CONFIG) as source, open(config, "w") as file:
                file.write(config_without(source.read()))
        self.scscf = make(
            self.ns, "scscf", config, self.folder, self._run_dir,
            ["udp:127.0.0.1:5060"], substs=substs, extra=extra, memory=memory,
            args=["-M", 64, *args])
        # the dialog module's, when a 2xx is repeated while its ACK is on the way, or has come
        self.scscf.expect_log(r"next_state_dlg\(\): bogus event 2 in state [34]")

    def add(self, other):
        """Something with a kill(), to be ended with the stage."""
        self._others.append(other)
        return other

    def __enter__(self):
        try:
            self.scscf.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, *_):
        self.close(failed=kind is not None)

    def close(self, failed=True):
        for other in self._others:
            other.kill()
        try:
            if not failed:
                self.scscf.stop()
        finally:
            self.scscf.kill()
            self.ns.close()
            shutil.rmtree(self._run_dir, ignore_errors=True)
