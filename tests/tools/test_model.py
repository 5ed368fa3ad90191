# SPDX-License-Identifier: GPL-2.0-or-later
"""A table or a model that is wrong is found: each case spoils one thing in a copy."""

import pathlib
import shutil

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "modules" / "ims_release"


def spoil(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def copy(tmp_path):
    """Copies of the table and of the model."""
    for file in ("core_fsm.c", "core_fsm.h"):
        shutil.copy(SOURCE / file, tmp_path)
    shutil.copy(ROOT / "model" / "release.pml", tmp_path)
    return tmp_path


@pytest.fixture
def verify(copy, tool):
    """Run one configuration on the copies: whether it passed, what was printed."""

    def run(name):
        table = tool("fsm_to_promela.py", copy, copy / "fsm.pml")
        assert table.returncode == 0, table.stderr
        done = tool("check_model.py", "--model", copy, "--build", copy / "build",
                    name)
        assert f"{name} " in done.stdout, done.stderr
        return done.returncode == 0, done.stdout

    return run


@pytest.mark.parametrize("old, new, name, broken", [
    # CONFIRMED: no pair, so no answers to it
    ("[IRL_EV_TRIGGER] = TO(ENDING, IRL_DO_PAIR)",
     "[IRL_EV_TRIGGER] = TO(ENDING, 0)", "established", "released[0]"),
    # CONFIRMED: it ends without any BYE
    ("[IRL_EV_TRIGGER] = TO(ENDING, IRL_DO_PAIR)",
     "[IRL_EV_TRIGGER] = TO(RELEASED, IRL_DO_FINISH)", "established", "told["),
    # ANSWERED: BYEs before the ACK
    ("[IRL_EV_TRIGGER] = TO(AWAITING_ACK, IRL_DO_AWAIT_ACK)",
     "[IRL_EV_TRIGGER] = TO(ENDING, IRL_DO_PAIR)", "no_ack", "acked["),
    # AWAITING_ACK: an ACK that does not come is waited for
    ("[IRL_EV_NO_ACK]  = TO(ENDING, IRL_DO_ACK | IRL_DO_PAIR)",
     "[IRL_EV_NO_ACK]  = TO(AWAITING_ACK, 0)", "no_ack", "released[0]"),
    # CANCELLED: a late 2xx goes unanswered
    ("[IRL_EV_ANSWER]  = TO(CANCELLED, IRL_DO_LATE)",
     "[IRL_EV_ANSWER]  = TO(CANCELLED, 0)", "early", "told["),
    # RELEASED: likewise
    ("[IRL_EV_ANSWER]  = TO(RELEASED, IRL_DO_LATE)",
     "[IRL_EV_ANSWER]  = TO(RELEASED, 0)", "early", "told["),
    # CANCELLING: the 2xx that was faster is forgotten
    ("[IRL_EV_ANSWER]  = TO(AWAITING_ACK, IRL_DO_AWAIT_ACK)",
     "[IRL_EV_ANSWER]  = TO(CANCELLING, 0)", "early", "uas"),
    # ENDING: an ACK that comes again has the pair sent again
    ("[IRL_EV_ACK]     = TO(ENDING, 0)",
     "[IRL_EV_ACK]     = TO(ENDING, IRL_DO_PAIR)", "no_ack", "paired["),
    # ENDING: answered, and for ever under way
    ("[IRL_EV_FINAL]   = TO(RELEASED, IRL_DO_FINISH)",
     "[IRL_EV_FINAL]   = TO(ENDING, 0)", "established", "released[0]"),
    # RELEASED: the record stays
    ("[IRL_EV_FORGET]  = TO(GONE, IRL_DO_ERASE)",
     "[IRL_EV_FORGET]  = TO(RELEASED, 0)", "established", "released[0]"),
])
def test_cell(copy, verify, old, new, name, broken):
    spoil(copy / "core_fsm.c", old, new)
    passed, output = verify(name)
    assert not passed
    assert "assertion violated" in output and broken in output


@pytest.mark.parametrize("old, new, name, broken", [
    # tm's 408 was faster than the releasing process: the 2xx that crosses it
    ("cancelled = cancelled || state[0] == IRL_CANCELLING;", "", "early_ended",
     "told["),
    # nobody sends the INVITE again whose provisional response was lost
    ("(!silenced[d] || timer_invite)", "!silenced[d]", "early_lost", "uas"),
    # the 2xx is not looked at again under the lock of the record
    ("s == 0 && cancelled ->", "s == 0 && cancelled && false ->", "early", "uas"),
    # a BYE that is lost in service control is not sent again
    ("straight[n] = 1;\n\t\tanswer(n, 1)", "straight[n] = 1;\n\t\tanswer(n, 0)",
     "servers", "told["),
    # it is sent through service control again, and again
    ("straight[n] = 1;\n\t\tanswer(n, 1)", "answer(n, 1)", "servers", "bye_tries["),
    # the releasing process ends an INVITE whatever has become of it
    ("taken = state[s] == IRL_CANCELLING && invite_known", "taken = 1", "early",
     "uas"),
])
def test_procedure(copy, verify, old, new, name, broken):
    spoil(copy / "release.pml", old, new)
    passed, output = verify(name)
    assert not passed
    assert "assertion violated" in output and broken in output


def test_never_ends(copy, verify):
    """A run without an end breaks the claim only."""
    spoil(copy / "release.pml", "timer_linger[n] = 0;\n", "posted[n] = 1;\n")
    spoil(copy / "release.pml", "irl_release_raise(n, IRL_EV_FORGET)", "skip")
    passed, output = verify("established")
    assert not passed
    assert "acceptance cycle" in output


def test_as_it_is(verify):
    passed, output = verify("established")
    assert passed, output


def test_old_table(copy, tool):
    """fsm.pml that is not that of core_fsm.c."""
    spoil(copy / "core_fsm.c", "TO(GONE, IRL_DO_ERASE),\n\t\t[IRL_EV_TRIGGER] = TO(CAN",
          "TO(EARLY, 0),\n\t\t[IRL_EV_TRIGGER] = TO(CAN")
    assert tool("fsm_to_promela.py", copy, copy / "fsm.pml").returncode == 0
    report = copy / "model.xml"
    done = tool("check_model.py", "--model", copy, "--report", report, "fsm.pml")
    assert done.returncode == 1
    assert "is not that of core_fsm.c" in done.stdout
    assert "is not that of core_fsm.c" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize("old, new", [
    ("TO(CANCELLING, IRL_DO_CANCEL)", "TO(CANCELLING, DO_CANCEL())"),
    ("TO(CANCELLING, IRL_DO_CANCEL)", "TO(CANCELING, IRL_DO_CANCEL)"),
    ('{"EARLY", ', '{"RINGING", '),
])
def test_unreadable(copy, tool, old, new):
    """No half a table."""
    spoil(copy / "core_fsm.c", old, new)
    done = tool("fsm_to_promela.py", copy, copy / "fsm.pml")
    assert done.returncode != 0
    assert done.stderr.startswith("core_fsm: ")
    assert not (copy / "fsm.pml").exists()
