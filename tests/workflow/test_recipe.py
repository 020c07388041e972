from __future__ import annotations

import pytest

from nanoscape.errors import UnreadableFile, WrongInput
from nanoscape.workflow.recipe import Recipe

pytestmark = pytest.mark.usefixtures("operations")

GOOD = """\
recipe: 1
name: Bright area
steps:
- id: bright
  op: statistics.threshold@2
  for: section
  in:
    image: {role: vessels, kind: image}
  with: {level: 0.4}
  out:
    labels: {role: Tissue}
- id: area
  op: statistics.area@1
  for: section
  in:
    mask: $bright.labels
- id: mean
  op: statistics.mean_of@1
  for: subject
  in:
    table: $area.summary
"""


def load(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    return Recipe.load(path)


def test_a_recipe_survives_saving(tmp_path):
    recipe = load(tmp_path, GOOD)
    again = Recipe.load(recipe.save(tmp_path / "again.yaml"))
    assert again == recipe
    assert [step.id for step in again.steps] == ["bright", "area", "mean"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("threshold@2", "threshold@1", "version 2, the one installed"),
        ("statistics.area@1", "statistics.volume@1", "no operation named"),
        ("$bright.labels", "$dark.labels", "names no earlier step"),
        ("$bright.labels", "$bright.mask", "names no output"),
        ("$bright.labels", "bright", "a selector such as"),
        ("level: 0.4", "level: high", "a number"),
        ("level: 0.4", "levels: 0.4", "no setting named"),
        ("for: subject", "for: animal", "one of section, lesion, subject, study"),
        ("  in:\n    mask: $bright.labels\n", "  in: {}\n", "has no 'mask' given"),
        ("id: area", "id: bright", "used twice"),
        ("labels: {role: Tissue}", "mask: {role: Tissue}", "has no output"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, old, new, sentence):
    with pytest.raises(WrongInput, match="step ") as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert sentence in str(caught.value)


def test_every_problem_is_listed(tmp_path):
    text = GOOD.replace("threshold@2", "threshold@9").replace("area@1", "area@9")
    with pytest.raises(WrongInput) as caught:
        load(tmp_path, text)
    assert "step bright" in str(caught.value)
    assert "step area" in str(caught.value)


@pytest.mark.parametrize("text", ["", "recipe: 7\nsteps: []", "a: [", "- 1"])
def test_other_files_are_refused(tmp_path, text):
    with pytest.raises(UnreadableFile):
        load(tmp_path, text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UnreadableFile, match="cannot be read"):
        Recipe.load(tmp_path / "none.yaml")


def test_objects_in_yaml_are_not_built(tmp_path):
    with pytest.raises(UnreadableFile):
        load(tmp_path, "!!python/object/apply:os.system ['true']")
