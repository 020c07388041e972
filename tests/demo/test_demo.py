"""The sample study, all the way: a report, beside its truth, and as a script."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from nanoscape.cli import main
from nanoscape.demo.analysis import run_demo, sample_recipe
from nanoscape.errors import WrongInput
from nanoscape.model import Study
from nanoscape.phantom import make_study
from nanoscape.workflow import run_recipe
from nanoscape.workflow.store import load_result


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return run_demo(tmp_path_factory.mktemp("demo") / "out", seed=7, size=1280)


def figures(demo, name):
    rows = pd.DataFrame(demo.summary["measured"])
    return rows[rows.figure.str.contains(name)]


def test_everything_that_is_promised_is_there(demo):
    out = demo.report.parent
    names = {path.name for path in out.iterdir()}
    assert names >= {
        "report.html",
        "figures",
        "tables",
        "recipe.yaml",
        "export.py",
        "summary.json",
    }
    assert demo.summary["failed"] == []
    assert json.loads((out / "summary.json").read_text()) == demo.summary
    page = demo.report.read_text()
    assert page.count("<img ") == 6
    assert "://" not in page


def test_vessels_are_found_in_every_class(demo):
    means = figures(demo, "Dice").groupby("figure").measured.mean()
    assert len(means) == 3
    assert means.min() > 0.9


def test_the_perfused_fraction_is_within_five_points(demo):
    rows = figures(demo, "perfused")
    assert (rows.measured - rows.truth).abs().max() < 0.05


def test_the_decay_length_of_the_carrier_is_within_a_fifth(demo):
    rows = figures(demo, "decay length of the carrier")
    assert len(rows) == 4
    assert (rows.measured / rows.truth - 1).abs().max() < 0.2


def test_the_alignment_is_better_than_a_pixel(demo):
    assert figures(demo, "median error of the maldi").measured.max() < 30
    assert figures(demo, "median error of the gold").measured.max() < 15


def test_the_exported_script_gives_the_same(demo):
    out = demo.report.parent
    subprocess.run([sys.executable, "-W", "error", "export.py"], cwd=out, check=True)
    mine, _ = load_result(out / "results")
    study = Study.load(demo.study)
    scope = study.records[0].scope
    compared = 0
    for record in study.records:
        if record.scope != scope:
            continue
        outputs, _ = load_result(study.root / record.folder)
        for name, address in record.outputs.items():
            found = mine[
                "".join(c if c.isalnum() else "_" for c in address.lower())
                .replace("__", "_")
                .strip("_")
            ]
            compared += same(outputs[name], found)
    assert compared >= 12


def same(first, second):
    """Assert that two results agree; return whether they were compared."""
    if first.kind in ("labels", "image"):
        np.testing.assert_array_equal(first.data.compute(), second.data.compute())
    elif first.kind == "table":
        pd.testing.assert_frame_equal(first.data, second.data, rtol=1e-12)
    elif first.kind == "points":
        np.testing.assert_array_equal(first.coordinates, second.coordinates)
    elif first.kind == "edge":
        np.testing.assert_array_equal(first.transform.matrix, second.transform.matrix)
    else:
        return False
    return True


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A section without vessels, whose drug lies in patches of its own."""
    root = tmp_path_factory.mktemp("bare") / "study"
    make_study(
        root, seed=9, size=1024, subjects=1, sections=1, vessels=False, drug="none"
    )
    return run_recipe(sample_recipe(), Study.load(root))


def test_a_section_without_vessels_gives_one_sentence(bare):
    (failed,) = (entry for entry in bare.entries if entry.state == "failed")
    assert failed.step == "perfused"
    assert failed.sentence == (
        "vessels of CD31 holds no vessels, so there is none to be perfused; expected "
        "at least one. Find vessels with other settings, or leave this section out."
    )
    (labels,) = (v["labels"] for k, v in bare.results.items() if k[0] == "vessels")
    assert len(labels.table) == 0


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(WrongInput, match="holds other files"):
        run_demo(tmp_path)
    assert main(["demo", "--out", str(tmp_path)]) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.docx"]
