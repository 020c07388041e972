from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import tifffile
from pyimzml.ImzMLParser import ImzMLParser
from scipy import ndimage

from nanoscape.compute import Task, Threads, using
from nanoscape.errors import UnreadableFile, WrongInput
from nanoscape.model import Study
from nanoscape.phantom import make_study, mri, pet
from nanoscape.phantom.gold import expected_gold
from nanoscape.phantom.lesion import make_lesion
from nanoscape.phantom.maldi import DRUG_MZ, IONS, expected_counts
from nanoscape.phantom.scene import make_section
from nanoscape.phantom.streams import sub_seed
from nanoscape.phantom.truth import read_flawed_clicks, read_truth

KINDS = ("slide", "maldi", "gold", "tissue", "necrosis")


def files_of(root: Path) -> dict[str, bytes]:
    """Return the bytes of all files but those that hold time stamps."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "study.yaml"
    }


def test_the_same_bytes_for_the_same_seed(tmp_path: Path) -> None:
    made = []
    for name, executor in [
        ("a", Threads(workers=1)),
        ("b", Threads(workers=2, block_shape=(100, 333))),
    ]:
        with using(executor):
            make_study(tmp_path / name, seed=9, size=512, subjects=1, sections=1)
        made.append(files_of(tmp_path / name))
    assert made[0].keys() == made[1].keys()
    assert [name for name in made[0] if made[0][name] != made[1][name]] == []


def test_a_study_holds_its_sources_with_their_tags(study: Study) -> None:
    loaded = Study.load(study.root)
    assert set(loaded.sources) == {
        "m1_pet",
        "m1_mri",
        *(f"m1_s{n}_{kind}" for n in (1, 2) for kind in KINDS),
    }
    slide = loaded.sources["m1_s2_slide"]
    assert dict(slide.tags) == {
        "subject": "m1",
        "lesion": "tumour",
        "section": "s2",
        "modality": "fluorescence",
    }
    assert {n: t["role"] for n, t in slide.objects.items()} == {
        "DAPI": "Nuclei",
        "CD31": "Vessels",
        "lectin": "Perfusion",
        "carrier": "Carrier",
    }
    assert all(loaded.path_of(s).is_file() for s in loaded.sources.values())
    assert [len(scene.sources) for scene in loaded.scenes()] == [2, 5, 5]
    for name, pairs in loaded.landmarks.items():
        assert len(pairs) == 8
        assert "flaw" not in pairs.tags
        assert pairs.moving_space in loaded.sources
        assert pairs.fixed_space == name.rsplit("_", 2)[0] + "_slide"


def test_wrong_clicks_lie_beside_the_study(study: Study) -> None:
    wrong = read_flawed_clicks(study.root)
    assert {n: p.tags["flaw"] for n, p in wrong.items()} == {
        "m1_s1_maldi_swapped": "swapped",
        "m1_s2_maldi_mirrored": "mirrored",
    }


def test_truth_agrees_with_its_masks(study: Study) -> None:
    for truth in read_truth(study.root).sections.values():
        vessels = np.asarray(truth.mask("vessels").data)
        perfused = np.asarray(truth.mask("perfused").data)
        objects = np.asarray(truth.mask("objects").data)
        viable = np.asarray(truth.mask("tissue").data) > 0
        viable &= np.asarray(truth.mask("necrosis").data) == 0
        values = truth.values
        share = (vessels > 0).sum() / viable.sum()
        assert values["vessel_area_fraction"] == pytest.approx(share)
        flow = (perfused > 0).sum() / (vessels > 0).sum()
        assert values["perfused_fraction"] == pytest.approx(flow)
        assert ((objects > 0) == (vessels > 0)).all()
        assert len(np.unique(objects)) - 1 == values["objects"]
        carrier = np.asarray(truth.field("carrier").data, dtype=float)
        distance = np.asarray(truth.field("distance").data, dtype=float)
        inside = (carrier > 0) & (distance > 0) & (distance < 120)
        law = values["carrier"]
        excess = np.log(carrier[inside] - law["offset"])
        slope = np.polyfit(distance[inside], excess, 1)[0]
        assert -1 / slope == pytest.approx(law["decay_length_um"], rel=1e-3)
        near = np.asarray(perfused)[::4, ::4] > 0
        assert ((distance < 0) == near).all()


def test_check_nuclei_lie_at_the_same_place_in_every_space(study: Study) -> None:
    truth = read_truth(study.root).section("m1", "s1")
    nuclei = truth.table("nuclei")
    slide = nuclei[["slide_y_um", "slide_x_um"]].to_numpy()
    for instrument in ("maldi", "gold"):
        moving = nuclei[[f"{instrument}_y_um", f"{instrument}_x_um"]].to_numpy()
        there = truth.raster(instrument).warp.apply(moving)
        np.testing.assert_allclose(there, slide, atol=1e-6)
        pairs = truth.landmarks(instrument)
        mapped = truth.raster(instrument).warp.apply(pairs.moving)
        np.testing.assert_allclose(mapped, pairs.fixed, atol=1e-6)
    tissue = ndimage.binary_dilation(np.asarray(truth.mask("tissue").data))
    index = np.rint(slide / truth.values["pixel_um"]).astype(int)
    assert tissue[index[:, 0], index[:, 1]].all()


def test_spectra_open_in_another_reader_with_their_geometry(study: Study) -> None:
    truth = read_truth(study.root).section("m1", "s1")
    raster = truth.raster("maldi")
    path = study.root / "images" / "m1_s1_maldi.imzML"
    with ImzMLParser(str(path)) as parser:
        assert parser.imzmldict["pixel size x"] == 30.0
        assert parser.imzmldict["max count of pixels x"] == raster.shape[1]
        assert parser.imzmldict["max count of pixels y"] == raster.shape[0]
        total = raster.shape[0] * raster.shape[1]
        assert 0.95 * total < len(parser.coordinates) < total
        drug = np.full(raster.shape, np.nan)
        for number, (x, y, _) in enumerate(parser.coordinates):
            mz, counts = parser.getspectrum(number)
            assert (np.diff(mz) > 0).all()
            near = np.abs(mz - DRUG_MZ) < DRUG_MZ * 8e-6
            drug[y - 1, x - 1] = counts[near].sum()
    size = truth.values["shape"][0] * truth.values["pixel_um"]
    section = make_section(truth.values["seed"], (size, size))
    expected = expected_counts(section, raster)["doxorubicin"]
    there = np.isfinite(drug)
    scaled = (drug - expected)[there] / np.sqrt(expected[there])
    assert scaled.var() == pytest.approx(1, abs=0.15)
    assert scaled.mean() == pytest.approx(0, abs=0.1)


def test_the_drug_is_what_doxorubicin_weighs() -> None:
    """C27H29NO11 with a proton, from the masses of the isotopes."""
    mass = 27 * 12 + 29 * 1.00782503207 + 14.0030740048 + 11 * 15.99491461956
    assert pytest.approx(mass + 1.00727646688, abs=2e-4) == DRUG_MZ
    masses = [ion.mz for ion in IONS]
    assert masses == sorted(masses)


def test_gold_opens_with_its_geometry_and_scatters_around_the_truth(
    study: Study,
) -> None:
    truth = read_truth(study.root).section("m1", "s2")
    raster = truth.raster("gold")
    with tifffile.TiffFile(study.root / "images" / "m1_s2_gold.ome.tif") as tiff:
        ome = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        gold = np.squeeze(tiff.asarray())
    assert ome["PhysicalSizeX"] == 15.0
    assert gold.shape == raster.shape
    assert gold.dtype == np.float32
    size = truth.values["shape"][0] * truth.values["pixel_um"]
    expected = expected_gold(make_section(truth.values["seed"], (size, size)), raster)
    error = gold - expected
    assert abs(error.mean()) < 0.01
    assert error[expected == 0].min() < 0


@pytest.mark.parametrize("scanner", [pet, mri])
def test_volumes_open_with_their_geometry(study: Study, scanner: object) -> None:
    name = scanner.__name__.rpartition(".")[2]  # type: ignore[attr-defined]
    volume = nib.load(study.root / "images" / f"m1_{name}.nii.gz")
    assert volume.header.get_xyzt_units() == ("mm", "sec")
    np.testing.assert_allclose(volume.affine, scanner.grid(), atol=1e-5)  # type: ignore[attr-defined]
    assert int(volume.header["sform_code"]) == int(volume.header["qform_code"]) == 1


def test_both_volumes_show_the_lesion_at_the_same_place(study: Study) -> None:
    lesion = make_lesion(sub_seed(3, 0, 0))
    centres = []
    for name, threshold in (("pet", 90_000.0), ("mri", 340.0)):
        volume = nib.load(study.root / "images" / f"m1_{name}.nii.gz")
        values = volume.get_fdata()
        index = np.argwhere(values > threshold)
        centres.append(nib.affines.apply_affine(volume.affine, index).mean(axis=0))
    np.testing.assert_allclose(centres[0], lesion.centre, atol=0.25)
    np.testing.assert_allclose(centres[1], lesion.centre, atol=0.25)


def test_a_study_without_vessels_or_dependence(tmp_path: Path) -> None:
    make_study(tmp_path, size=320, subjects=1, sections=1, vessels=False, drug="none")
    truth = read_truth(tmp_path).section("m1", "s1")
    assert truth.values["perfused_fraction"] is None
    assert truth.values["vessel_pixels"] == 0
    assert truth.values["drug"]["decay_length_um"] is None
    assert len(truth.table("segments")) == 0


def test_a_full_folder_and_a_tiny_slide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="at least 256 pixels"):
        make_study(tmp_path / "tiny", size=100)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(WrongInput, match="not empty"):
        make_study(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(UnreadableFile, match="truth"):
        read_truth(tmp_path)


def test_an_interrupted_study_leaves_nothing(tmp_path: Path) -> None:
    def stop(fraction: float, text: str) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_study(tmp_path, size=320, subjects=1, sections=2, task=Task(stop))
    assert not list(tmp_path.iterdir())
    make_study(tmp_path, size=320, subjects=1, sections=1)
    assert {path.name for path in tmp_path.iterdir()} >= {"study.yaml", "truth"}


def test_truth_is_plain(study: Study) -> None:
    values = json.loads((study.root / "truth" / "truth.json").read_text("utf-8"))
    section = values["sections"]["m1_s1"]
    assert section["carrier"]["law"] == "nearest-vessel exponential"
    left = section["instruments"]["maldi"]
    assert left["deformation_rms_pixels"] == pytest.approx(0.4, rel=0.1)
    assert left["deformation_max_pixels"] <= 1
    assert section["instruments"]["gold"]["deformation_max_pixels"] < 1e-9
