# SPDX-License-Identifier: GPL-2.0-or-later
"""tools/demo.sh as `make demo` runs it, and what it says when it cannot."""

import pathlib
import re
import shutil
import signal
import subprocess

import pytest

import recipes

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "tools" / "demo.sh"
HELD = "What the S-CSCF stored"

built = pytest.mark.skipif(
    not (ROOT / "build" / "ims_release.so").exists(), reason="the module is not built"
)


@built
def test_demo():
    run = subprocess.run([DEMO], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "✘" not in run.stdout
    for said in ("PRACK", "INFO", "item 1", "item 2", "Result"):
        assert said in run.stdout
    assert len(re.findall(r"^Reason: .* ✔ ", run.stdout, re.M)) == 2
    assert max(map(len, run.stdout.splitlines())) <= 100
    assert (ROOT / "build" / "demo" / "wire.pcap").stat().st_size > 0


@built
def test_readme_shows_what_the_demo_says():
    """The commands in README.md and their output, of which it leaves lines out."""
    run = subprocess.run([DEMO], capture_output=True, text=True, timeout=60)
    said = run.stdout.replace("\n\n", "\n")
    blocks = re.findall(r"```\n(\$ kamcmd .*?)```", (ROOT / "README.md").read_text(), re.S)
    shown = [step for block in blocks for step in recipes.steps(block)]
    assert len(shown) == 3
    for step in shown:
        output = said.partition(step.typed)[2]
        assert output, step.typed
        pattern = recipes.pattern(step.output)
        assert re.match(pattern, recipes.shape(output)), step.typed + output


@built
def test_interrupted_demo_leaves_nothing_running():
    demo = subprocess.Popen(
        [DEMO], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    started = set()
    for line in demo.stdout:
        if HELD in line:
            started = descendants(demo.pid)
            break
    demo.send_signal(signal.SIGINT)
    _, errors = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert "demo: interrupted" in errors
    assert started
    assert not [pid for pid in started if runs(pid)]


def runs(pid):
    """A process that ended but was not waited for yet does not run."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def descendants(pid):
    found = set()
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found |= {child} | descendants(child)
    except FileNotFoundError:
        pass  # it has ended meanwhile
    return found


@pytest.mark.parametrize("missing", ["sipp", "kamcmd"])
def test_missing_program_is_named(tmp_path, missing):
    """A folder with links to all it needs but one takes the place of PATH."""
    shell = tmp_path / "demo.sh"
    path = tmp_path / "bin"
    path.mkdir()
    text = DEMO.read_text().replace("PATH=$PATH:/usr/sbin:/sbin", f"PATH={path}")
    shell.write_text(text)
    for tool in re.search(r"for tool in (.*?);", text, re.S)[1].split():
        if tool.startswith("/") or tool == "\\" or tool == missing:
            continue
        (path / tool).symlink_to(shutil.which(tool) or "/bin/true")
    run = subprocess.run(["/bin/sh", shell], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith(f"demo: missing: {missing} (")
