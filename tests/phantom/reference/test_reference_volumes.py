"""Volumes of uncut blocks in a study, made small."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from nanoscape import io
from nanoscape.cli import main
from nanoscape.compute import Task, Threads, using
from nanoscape.compute.task import Cancelled
from nanoscape.model import Study
from nanoscape.phantom.cohort import CohortPlan, Group
from nanoscape.phantom.files import DRAFT
from nanoscape.phantom.instruments import confocal, lightsheet
from nanoscape.phantom.instruments.registry import USUAL, block_instruments
from nanoscape.phantom.reference import ReferencePlan, make_reference
from nanoscape.phantom.reference import study as making
from nanoscape.phantom.reference.lesion import LesionWork
from nanoscape.phantom.tumour import Tumour

NAMES = ("confocal", "lightsheet")
PLAN = ReferencePlan(
    seed=5,
    size_um=1000.0,
    cohort=CohortPlan((Group("control"),), animals=1, lesions=1, sections=1),
    instruments=NAMES,
)
SMALL = {
    "confocal": confocal.Confocal(shape=(6, 140, 150)),
    "lightsheet": lightsheet.LightSheet(voxel_um=(15.0, 15.0, 15.0)),
}


@pytest.fixture(scope="module", autouse=True)
def small_instruments(tumour: Tumour) -> Iterator[None]:
    small = {
        name: dataclasses.replace(instrument, settings=SMALL[name])
        for name, instrument in block_instruments().items()
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "block_instruments", lambda: small)
        patch.setattr(LesionWork, "_make", lambda _: tumour)
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("volumes") / "study"
    with using(Threads(workers=1)):
        return make_reference(folder, PLAN)


def files_of(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "study.yaml"
    }


def test_volumes_are_listed_and_open(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = Study.load(study.root)
    assert set(loaded.sources) == {f"m1_l1_{name}" for name in NAMES}
    for name, source in loaded.sources.items():
        (group,) = io.read(study.root / source.path)
        assert group["CD31"].axes == "zyx"
        assert source.tags["group"] == "control"
        assert source.tags["modality"] in ("confocal", "light sheet"), name
        assert source.objects["CD31"]["role"] == "Vessels"
        assert source.objects["carrier"]["analyte"] == "carrier"
    sheet = study.root / "sheet.csv"
    assert main(["sheet", str(study.root), str(sheet), "--check"]) == 0
    assert "2 of 2 rows fit" in capsys.readouterr().out


def test_a_stopped_study_goes_on_and_ends_with_the_same_bytes(
    study: Study, tmp_path: Path
) -> None:
    """Stopped while the second volume is written; the first one is kept."""

    def stop(_: float, text: str) -> None:
        if text == "writing the volume":
            raise Cancelled

    out = tmp_path / "again"
    with using(Threads(workers=2, block_shape=(3, 50, 33))):
        with pytest.raises(Cancelled):
            make_reference(out, PLAN, task=Task(stop))
        stack = out / "images" / "m1_l1_confocal.ome.tif"
        before = stack.stat().st_mtime_ns
        assert not (out / "images" / "m1_l1_lightsheet.ome.zarr").exists()
        make_reference(out, PLAN)
    assert stack.stat().st_mtime_ns == before
    assert not list(out.rglob(f"{DRAFT}*"))
    whole, again = files_of(study.root), files_of(out)
    assert again.keys() == whole.keys()
    assert [name for name in whole if again[name] != whole[name]] == []


@pytest.mark.parametrize("name", NAMES)
def test_truth_lies_in_the_tumour_where_its_description_says(
    study: Study, tumour: Tumour, name: str
) -> None:
    folder = study.root / "truth"
    about = json.loads((folder / f"m1_l1_{name}.json").read_text())
    linear = np.array(about["image_to_tumour"]["linear"])
    step = np.array(about["map_step_voxels"]["free"]) * about["voxel_um"]
    path = folder / f"m1_l1_{name}_free.ome.tif"
    free = tifffile.imread(path)
    with tifffile.TiffFile(path) as tiff:
        assert f'PhysicalSizeX="{step[2]:.1f}"' in (tiff.ome_metadata or "")
    index = np.array([[2, 9, 11], [4, 20, 25], [1, 17, 30]])
    places = (index * step) @ linear.T + about["image_to_tumour"]["shift_um"]
    seen = free[tuple(index.T)]
    exact = about["level"] * tumour.value("free", places)
    np.testing.assert_allclose(seen, exact, rtol=3e-4, atol=1e-9)
    assert seen.max() > 0
    # The number of a lumen is that of the list of segments.
    segment = tifffile.imread(folder / f"m1_l1_{name}_segment.ome.tif")
    perfused = tifffile.imread(folder / f"m1_l1_{name}_perfused.ome.tif")
    listed = pd.read_csv(folder / "m1_l1_segments.csv").set_index("segment")
    numbers = np.unique(segment[segment > 0])
    assert len(numbers)
    for number in numbers[:20]:
        flows = perfused[segment == number]
        assert (flows == listed.loc[number, "perfused"]).all()
    assert segment.shape == tuple(about["voxels"])
    scale = np.linalg.norm(linear, axis=0)
    shrinkage = about["instrument"].get("shrinkage", 1.0)
    np.testing.assert_allclose(scale, 1 / shrinkage)


def test_volumes_are_made_on_request_only() -> None:
    assert not set(NAMES) & set(USUAL)
