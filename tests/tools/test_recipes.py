# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipes of docs/operations.md say what the commands really say."""

import pathlib
import re

import pytest

import recipes
from rig.case import BUILD, Case

TEXT = recipes.PAGE.read_text(encoding="utf-8")

built = pytest.mark.skipif(
    not pathlib.Path(BUILD, "ims_release.so").exists(), reason="the module is not built")


@built
@pytest.mark.parametrize("heading", recipes.RECIPES)
def test_recipe(heading):
    case = Case("recipe-" + heading.replace(" ", "-"))
    try:
        played = recipes.play(case, heading, TEXT)
    finally:
        case.close()
    assert not recipes.differences(played)
    case.forget()


@built
def test_pages_of_a_dead_server():
    """With many pages, each session that has it in its route is released, and the
    command ends while BYEs wait for it."""
    heading = "End the sessions of a failing application server"
    topology, acts = recipes.RECIPES[heading]
    end, jobs = recipes.shown(TEXT, heading)
    in_pages = end.command.replace('"$at" 500', '"$at" 2')
    assert in_pages != end.command
    case = Case("recipe-pages")
    try:
        stage = recipes.Stage(case, topology, scscf={
            "extra": 'modparam("tm", "fr_timer", 5000)\n'})
        scene = acts(stage, each=3)
        next(scene)
        stage.net.servers["as_orig"].kill()
        assert stage.run(in_pages) == "12\n0\n"
        assert stage.scscf.statistics()["releasing"] == 12
        next(scene)
        done = re.findall(r"(?m)^\d+ done id .* released 1 failed 0 ",
                          stage.run(jobs.command))
        assert len(done) == 12 and next(scene, "end") == "end"
    finally:
        case.close()
    case.forget()


def test_every_block_is_in_a_recipe():
    steps = [step for heading in recipes.RECIPES
             for step in recipes.shown(TEXT, heading)]
    commands = re.findall(r"(?m)^\$ .*\n(?:> .*\n)*", TEXT)
    assert len(steps) == sum("kamcmd " in command for command in commands) > 20


@pytest.mark.parametrize("shown, output, same", [
    ("a: 1\n", "a: 22\n", True), ("rate: 1.5\n", "rate: 7\n", True),
    ("a: 1\n", "b: 1\n", False), ("a: 1\n", "a: 1\nb: 1\n", False), ("", "", True),
    ("{\n\t...\n}\n", "{\n\tx: 1\n\ty: z\n}\n", True), ("", "error: 404\n", False),
    ("state: done\n", "state: running\n", False)])
def test_same(shown, output, same):
    assert recipes.same(shown, output) == same


def test_rewritten():
    """Outputs are replaced, commands and the rest are left alone."""
    heading = next(iter(recipes.RECIPES))
    played = [(step, "new\n") for step in recipes.shown(TEXT, heading)]
    text = recipes.rewritten(TEXT, heading, played)
    assert [step.output for step in recipes.shown(text, heading)] == [
        "new\n"] * len(played)
    begin, end = recipes.section(TEXT, heading)
    assert text.startswith(TEXT[:begin]) and text.endswith(TEXT[end:])
