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


def test_every_block_is_in_a_recipe():
    steps = [step for heading in recipes.RECIPES
             for step in recipes.shown(TEXT, heading)]
    assert len(steps) == len(re.findall(r"(?m)^\$ kamcmd ", TEXT)) > 20


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
