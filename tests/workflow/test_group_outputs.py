"""Steps that give many images: their objects, on disk, in recipes and scripts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pyimzml.ImzMLWriter import ImzMLWriter

from nanoscape.model import Study
from nanoscape.workflow import (
    Recipe,
    Session,
    export_script,
    recipe_from_history,
    run_recipe,
)
from nanoscape.workflow.store import load_result

DOX = "doxorubicin = C27H29NO11"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session with small spectra of doxorubicin and its sodium adduct."""
    path = tmp_path / "spectra.imzML"
    mzs = np.array([544.18134, 545.18466, 566.16328])
    with ImzMLWriter(str(path), mode="processed") as writer:
        for y in range(3):
            for x in range(4):
                values = np.array([100.0, 30, 20]) * (1 + x + 4 * y)
                writer.addSpectrum(mzs, values, (x + 1, y + 1, 1))
    session = Session(Study(root=tmp_path / "study"))
    session.add_file(
        path, ident="msi", pixel_size_um=50.0, subject="m1", lesion="l1", section="s1"
    )
    session.run("msi.find_ions", {"spectra": "msi"}, {"compounds": DOX})
    return session


def test_each_image_is_saved_and_comes_back(session: Session, tmp_path: Path) -> None:
    (record,) = session.study.records
    names = [f"images.{n}" for n in (1, 2, 3)]
    assert sorted(record.outputs) == sorted(["ions", *names])
    assert session[record.outputs["images.1"]].tags["section"] == "s1"
    session.save()
    again = Session.load(tmp_path / "study")
    for name in names:
        before = session[record.outputs[name]]
        after = again[record.outputs[name]]
        assert after.name == before.name
        np.testing.assert_array_equal(after.data.compute(), before.data.compute())


def test_a_recipe_finds_them_one_by_one(session: Session, tmp_path: Path) -> None:
    record = session.study.records[0]
    session.run(
        "quantify.internal_standard",
        {"image": record.outputs["images.1"], "standard": record.outputs["images.2"]},
    )
    path = recipe_from_history(session).save(tmp_path / "recipe.yaml")
    assert "$find_ions.images.1" in path.read_text("utf-8")
    recipe = Recipe.load(path)
    run = run_recipe(recipe, session.study)
    assert not run.failed
    (ratio,) = (v for k, v in run.results.items() if k[0] == "internal_standard")
    np.testing.assert_allclose(ratio["image"].data.compute(), 5.0, rtol=1e-6)


def test_a_script_gives_the_same_images(session: Session, tmp_path: Path) -> None:
    script = export_script(session, tmp_path / "steps.py")
    subprocess.run([sys.executable, str(script)], check=True)
    outputs, _ = load_result(tmp_path / "results")
    record = session.study.records[0]
    assert len(outputs) == len(record.outputs)
    mine = session[record.outputs["images.2"]].data.compute()
    theirs = [item.data.compute() for item in outputs.values() if item.kind == "image"]
    assert any(np.array_equal(mine, other) for other in theirs)
