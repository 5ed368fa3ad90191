# SPDX-License-Identifier: GPL-2.0-or-later
"""The recipes of docs/operations.md say what the commands really say."""

import functools
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
def test_pages_of_a_failing_server(monkeypatch):
    """With many pages, each session that has it in its route is released."""
    heading = "End the sessions of a failing application server"
    topology, acts = recipes.RECIPES[heading]
    monkeypatch.setitem(recipes.RECIPES, heading,
                        (topology, functools.partial(acts, each=5)))
    text = TEXT.replace('"$read" 500', '"$read" 3')
    assert text != TEXT
    case = Case("recipe-pages")
    try:
        released, jobs = (output for _, output in recipes.play(case, heading, text))
    finally:
        case.close()
    assert released == "20\n0\n"
    assert len(re.findall(r"(?m)^\d+ done id .* released 1 failed 0 ", jobs)) == 20
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
