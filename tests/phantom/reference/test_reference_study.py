from __future__ import annotations

import functools
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
from nanoscape.errors import WrongInput
from nanoscape.model import Study
from nanoscape.phantom.cohort import CohortPlan, Group
from nanoscape.phantom.files import DRAFT
from nanoscape.phantom.instruments import imc, ultrasound_settings
from nanoscape.phantom.instruments.registry import NAMES, USUAL, instruments
from nanoscape.phantom.instruments.ultrasound_settings import Ultrasound
from nanoscape.phantom.reference import ReferencePlan, make_reference
from nanoscape.phantom.reference.lesion import LesionWork
from nanoscape.phantom.reference.study import lesions
from nanoscape.phantom.tumour import NetworkPlan

PLAN = ReferencePlan(
    seed=5,
    size_um=1000.0,
    slide_pixel_um=2.0,
    cohort=CohortPlan((Group("control"),), animals=1, lesions=1, sections=1),
    vessels=NetworkPlan(core_ratio=0.4, length_density=160),
)
TUMOURS: dict[int, object] = {}


@pytest.fixture(scope="module", autouse=True)
def tumours_once() -> Iterator[None]:
    """Make each tumour once for all studies of this module."""
    make = LesionWork._make

    def kept(work: LesionWork) -> object:
        if work.seed not in TUMOURS:
            TUMOURS[work.seed] = make(work)
        return TUMOURS[work.seed]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LesionWork, "_make", kept)
        yield
    TUMOURS.clear()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("reference") / "study"
    with using(Threads(workers=1)):
        return make_reference(folder, PLAN)


def files_of(root: Path) -> dict[str, bytes]:
    """Return the bytes of all files but those that hold time stamps."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "study.yaml"
    }


def test_every_image_opens_and_is_listed(study: Study) -> None:
    loaded = Study.load(study.root)
    section = ("slide", "histology", "maldi", "laser", "standards")
    scans = (
        "pet",
        "ct",
        "dce",
        "t1",
        *(f"spect_{t}" for t in ("1h", "24h", "48h", "calibration")),
    )
    assert set(loaded.sources) == {
        *(f"m1_l1_s1_{name}" for name in section),
        *(f"m1_l1_{name}" for name in scans),
    }
    for source in loaded.sources.values():
        assert io.read(study.root / source.path)
    slide = loaded.sources["m1_l1_s1_slide"]
    assert slide.tags["group"] == "control"
    assert slide.objects["CD31"]["role"] == "Vessels"


def test_the_sheet_fits_the_study(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = study.root / "sheet.csv"
    assert main(["sheet", str(study.root), str(sheet), "--check"]) == 0
    assert "13 of 13 rows fit" in capsys.readouterr().out


def test_a_study_that_was_stopped_goes_on_and_ends_the_same(
    study: Study, tmp_path: Path
) -> None:
    """Stopped in the middle of the spectra; the slide before them is kept."""

    def stop(_: float, text: str) -> None:
        if text == "writing spectra":
            raise Cancelled

    out = tmp_path / "again"
    with using(Threads(workers=2, block_shape=(100, 333))):
        with pytest.raises(Cancelled):
            make_reference(out, PLAN, task=Task(stop))
        slide = out / "images" / "m1_l1_s1_slide.ome.tif"
        assert slide.exists()
        whole = files_of(study.root)
        begun = files_of(out)
        assert not [name for name in begun if begun[name] != whole[name]]
        assert "images/m1_l1_s1_maldi.ibd" not in begun
        before = slide.stat().st_mtime_ns
        # What a killed process leaves behind.
        (out / "images" / f"{DRAFT}left").mkdir()
        (out / "images" / f"{DRAFT}left" / "half.tif").write_bytes(b"half")
        make_reference(out, PLAN)
    assert slide.stat().st_mtime_ns == before
    assert not list(out.rglob(f"{DRAFT}*"))
    again = files_of(out)
    assert again.keys() == whole.keys()
    assert [name for name in whole if again[name] != whole[name]] == []


def test_instruments_can_be_added_later(study: Study, tmp_path: Path) -> None:
    out = tmp_path / "part"
    few = ReferencePlan(**{**vars(PLAN), "instruments": ("laser",)})
    first = make_reference(out, few)
    assert set(first.sources) == {"m1_l1_s1_laser", "m1_l1_s1_standards"}
    both = ReferencePlan(**{**vars(PLAN), "instruments": ("laser", "maldi")})
    made = make_reference(out, both)
    assert set(made.sources) == {*first.sources, "m1_l1_s1_maldi"}
    whole = files_of(study.root)
    for name, content in files_of(out).items():
        if name != "sheet.csv":
            assert whole[name] == content, name


def test_others_are_made_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small ones here; a study without them has the same landmarks and levels."""
    monkeypatch.setattr(imc, "Imc", functools.partial(imc.Imc, side_um=100.0))
    few = functools.partial(Ultrasound, frames=3, shape=(64, 48))
    monkeypatch.setattr(ultrasound_settings, "Ultrasound", few)
    out = tmp_path / "more"
    wanted = ("fluorescence", "imc", "ultrasound")
    made = make_reference(out, ReferencePlan(**{**vars(PLAN), "instruments": wanted}))
    assert set(made.sources) == {
        "m1_l1_s1_slide",
        "m1_l1_s1_imc",
        "m1_l1_ultrasound_bmode",
        "m1_l1_ultrasound_contrast",
    }
    cytometry = made.sources["m1_l1_s1_imc"]
    assert cytometry.tags["modality"] == "IMC"
    assert cytometry.objects["gold"]["analyte"] == "gold"
    assert cytometry.objects["CD31"]["role"] == "Vessels"
    cine = made.sources["m1_l1_ultrasound_contrast"]
    assert (cine.tags["modality"], cine.tags["role"]) == ("US", "Perfusion")
    for source in made.sources.values():
        assert io.read(out / source.path)
    # Landmarks lie all over the section: the camera shows it as a whole.
    pairs = made.landmarks["m1_l1_s1_imc_landmarks"]
    assert pairs.moving_space == io.read(out / cytometry.path)[0].space
    assert np.ptp(pairs.moving, axis=0).min() > 400
    told = json.loads((out / "truth" / "m1_l1_s1_imc.json").read_text())
    assert len(told["first_spot_y_x_um"]) == 2
    assert told["instrument"]["crater_sigma_um"] == 0.4
    told = json.loads((out / "truth" / "m1_l1_ultrasound.json").read_text())
    assert told["instrument"]["range_db"] == [55.0, 45.0]
    assert len(told["moved_down_mm"]) == 3
    film = out / "truth" / "m1_l1_ultrasound_contrast_intensity.ome.tif"
    with tifffile.TiffFile(film) as tiff:
        assert tiff.series[0].axes == "TYX"
        assert tiff.series[0].shape == (3, 16, 12)
        assert 'PhysicalSizeX="160.0"' in (tiff.ome_metadata or "")
    assert tuple(dict.fromkeys(NAMES)) == NAMES
    numbers = [instrument.number for instrument in instruments(1.0).values()]
    assert len(set(numbers)) == len(numbers)
    assert not {"imc", "ultrasound"} & set(USUAL)


def test_a_folder_of_something_else_is_left_alone(study: Study, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(WrongInput, match="not empty"):
        make_reference(tmp_path, PLAN)
    other = ReferencePlan(**{**vars(PLAN), "seed": 6})
    with pytest.raises(WrongInput, match="other arguments"):
        make_reference(study.root, other)


@pytest.mark.parametrize(
    "wrong", [{"instruments": ("x",)}, {"size_um": 100.0}, {"law": "x"}]
)
def test_wrong_plans_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(WrongInput):
        ReferencePlan(**{**vars(PLAN), **wrong})


def test_the_command_says_what_instruments_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phantom", str(tmp_path / "x"), "--instruments", "microscope"]) == 2
    assert "fluorescence" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_truth_is_that_of_the_tumour(study: Study) -> None:
    folder = study.root / "truth"
    tumour = next(iter(TUMOURS.values()))
    field = tifffile.imread(folder / "m1_l1_free.ome.tif")
    np.testing.assert_allclose(field, tumour.field("free"), rtol=2.5e-4)  # type: ignore[attr-defined]
    distance = tifffile.imread(folder / "m1_l1_distance_all_um.ome.tif")
    place = (np.array([[5, 20, 20]]) + 0.5) * 16.0
    exact = tumour.distance(place)[0]  # type: ignore[attr-defined]
    assert distance[5, 20, 20] == pytest.approx(exact, rel=2.5e-4)
    table = pd.read_csv(folder / "m1_l1_segments.csv")
    network = tumour.network  # type: ignore[attr-defined]
    assert table["length_um"].sum() == pytest.approx(network.link_length_um.sum())
    assert (table["perfused"] == network.perfused).all()
    assert (table["leaking"] == network.leaking).all()


def test_the_transform_of_a_slide_is_in_its_truth(study: Study) -> None:
    """Places of the slide lead to the tissue that the truth of the tumour has there."""
    folder = study.root / "truth"
    table = pd.read_csv(folder / "m1_l1_s1_slide_transform.csv")
    about = json.loads((folder / "m1_l1_s1_slide.json").read_text())
    np.testing.assert_allclose(table["z_um"], about["depth_um"], atol=1e-3)
    tumour = next(iter(TUMOURS.values()))
    places = table[["z_um", "y_um", "x_um"]].to_numpy()
    kind = tumour.tissue(places)  # type: ignore[attr-defined]
    same = (kind == table["tissue"]) | (table["tissue"] == 0)
    assert same.mean() > 0.995


def test_landmarks_are_the_same_places_of_the_block(study: Study) -> None:
    """Followed back through both slides they lie one above the other."""
    work = next(iter(lesions_of()))
    for number, name in ((1, "histology"), (2, "maldi"), (3, "laser")):
        path = study.root / "truth" / f"m1_l1_s1_{name}_landmarks.csv"
        table = pd.read_csv(path)
        assert len(table) == 8
        moving, fixed = work.specimen(0, number), work.specimen(0, 0)
        a = moving.in_space(table[["moving_y_um", "moving_x_um"]].to_numpy())
        b = fixed.in_space(table[["slide_y_um", "slide_x_um"]].to_numpy())
        np.testing.assert_allclose(a[:, 1:], b[:, 1:], atol=0.01)
        apart = a[:, 0] - b[:, 0]
        np.testing.assert_allclose(apart, 12.0 * number, atol=1e-6)
        clicked = study.landmarks[f"m1_l1_s1_{name}_landmarks"]
        assert clicked.click_error_um is not None
        error = clicked.moving - table[["moving_y_um", "moving_x_um"]].to_numpy()
        assert 0 < np.abs(error).max() < 5 * clicked.click_error_um


def lesions_of() -> list[LesionWork]:
    from nanoscape.phantom.cohort import cohort_table

    return lesions(PLAN, cohort_table(PLAN.seed, PLAN.cohort))


def test_days_of_measurement_do_not_stand_for_groups() -> None:
    from nanoscape.phantom.cohort import COHORT, cohort_table

    plan = ReferencePlan(cohort=COHORT)
    works = lesions(plan, cohort_table(1, COHORT))
    assert len(works) == 18
    group = np.repeat(np.arange(3), 6)
    table = pd.crosstab(group, [work.batch for work in works])
    assert table.shape == (3, 3)
    assert (table == 2).all().all()
    assert len({work.seed for work in works}) == 18
