"""Every file with independently established content comes out as established.

All keys of EXPECTED.json are gone through: each is compared here, or by the test that
is named here because its truth needs more than reading. A key in neither group fails.
"""

from __future__ import annotations

import ast
import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nanoscape.io import open_file
from nanoscape.model import Image, ImageGroup, Spectra
from nanoscape.model.raster import Raster

Truth = dict[str, Any]
Values = np.ndarray[Any, Any]

GIVEN: dict[str, dict[str, float]] = {
    "laicpms/synth/perkinelmer_xl": {"scan_speed": 40.0, "spot_size": 10.0},
    "mri/dicom/emri_small.dcm": {"pixel_size": 1000.0},
    "ultrasound/dicom/examples_ybr_color.dcm": {"pixel_size": 500.0},
    "ultrasound/mha/BkCurvilinearScanConvertedData.igs.mha": {"pixel_size": 1000.0},
    "optical/rgb/multipage.tif": {"pixel_size": 2.0},
    "optical/ome_tiff/multi-channel.ome.tif": {"pixel_size": 2.0},
    "optical/nuclei_gt/mask2d.tif": {"pixel_size": 0.5},
    "optical/nuclei_gt/mask3d.tif": {"pixel_size": 0.5},
    "optical/nuclei_gt/img2d.tif": {"pixel_size": 0.5},
    "optical/nuclei_gt/img3d.tif": {"pixel_size": 0.5},
    "optical/ome_zarr/blobs_image_v04.ome.zarr": {"pixel_size": 0.5},
    "optical/ome_zarr/blobs_image_v05.ome.zarr": {"pixel_size": 0.5},
}
"""What a user must say of files that do not say it."""

FILE_OF = {"optical/vessels_synth": "optical/vessels_synth/vessels.ome.tif"}
"""Folders of several things, of which one is established."""

ELSEWHERE = {
    r"nuclear/ibsi_suv_dro/DRO_\d_\d\.zip": (
        "quantify/nuclear/test_nuclear.py",
        "test_reference_objects_of_ibsi",
    ),
    r"nuclear/pet_dynamic_synth": (
        "quantify/nuclear/test_nuclear.py",
        "test_a_dynamic_series_of_a_mouse",
    ),
    r"multimodal/msi_he_synth": (
        "io/test_every_expected_file.py",
        "test_mass_spectrometry_and_histology_of_one_tissue",
    ),
    r"imc/.*\.mcd": (
        "io/test_every_expected_file.py",
        "test_acquisitions_of_mass_cytometry",
    ),
    r"laicpms/synth/.*": (
        "io/test_every_expected_file.py",
        "test_elements_of_laser_ablation",
    ),
    r"optical/(wsi|ndpi)/.*": (
        "io/test_every_expected_file.py",
        "test_slides_as_openslide_shows_them",
    ),
}
"""Tests of entries that are no single array, by the pattern of their keys."""

STORED_DOWNWARDS = ("ct/dicom/eCT_Supplemental.dcm",)
"""Frames that stand in the file against the normal of their rows and columns."""

MOSAIC = "siemens_mosaic_fmri/001/"
MICROMETRES = 1e3  # in a millimetre


def _truths() -> dict[str, Truth]:
    default = Path(__file__).parents[3] / "shared" / "data"
    file = Path(os.environ.get("NANOSCAPE_TEST_DATA", default)) / "EXPECTED.json"
    if not file.exists():
        return {}
    truths: dict[str, Truth] = json.loads(file.read_text("utf-8"))
    return truths


TRUTHS = _truths()
HERE = [k for k in TRUTHS if not any(re.fullmatch(p, k) for p in ELSEWHERE)]


def _tests_in(file: Path) -> set[str]:
    return {
        node.name
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize("pattern", ELSEWHERE)
def test_what_is_tested_elsewhere_is_tested(pattern: str, shared_data: Path) -> None:
    file, name = ELSEWHERE[pattern]
    assert name in _tests_in(Path(__file__).parents[1] / file)
    assert any(re.fullmatch(pattern, key) for key in TRUTHS)


def test_every_reference_object_is_gone_through(shared_data: Path) -> None:
    text = (Path(__file__).parents[1] / "quantify/nuclear/test_nuclear.py").read_text(
        "utf-8"
    )
    for key in TRUTHS:
        if "ibsi_suv_dro" in key:
            assert f'"{Path(key).stem}"' in text


def _open(key: str, folder: Path) -> list[Any]:
    path = folder / FILE_OF.get(key, key)
    if not path.exists():
        pytest.skip(f"{key} is not among the test data")
    return list(open_file(path, **GIVEN.get(key, {})).objects)  # type: ignore[arg-type]


def _values(item: Any) -> Values:
    """Return all samples, with channels first; spectra as their total ion count."""
    if isinstance(item, ImageGroup):
        return np.stack([image.data.compute() for image in item])
    if isinstance(item, Spectra):
        total = np.zeros(item.shape)
        for number, place in enumerate(item.pixels):
            total[tuple(place)] = item.source.read(number)[1].sum(dtype=np.float64)
        return total
    assert isinstance(item, Raster)
    values: Values = item.data.compute()
    return values


def _first(item: Any) -> Any:
    return item.images[0] if isinstance(item, ImageGroup) else item


def _as_stated(values: Values, key: str, truth: Truth) -> Values:
    """Return samples in the layout in which the truth was written down."""
    if key in STORED_DOWNWARDS:
        return values[::-1]
    if MOSAIC in key:
        return _sheet(values[int(key[-5]) - 1], truth)
    if "axes" in truth and truth["axes"].startswith("TZCYX"):
        return np.moveaxis(values, 0, 2)
    if truth.get("axes", "").startswith("TCZYX"):
        return np.moveaxis(values, 0, 1)
    if key.endswith(".v") or truth.get("axes") == "XYZT on disk":
        return values.T
    return values


def _sheet(slices: Values, truth: Truth) -> Values:
    """Lay slices on a sheet of tiles, row by row; what is behind them stays empty."""
    height, width = truth["shape"]
    rows, columns = height // slices.shape[1], width // slices.shape[2]
    tiles = np.zeros((rows * columns, *slices.shape[1:]), slices.dtype)
    tiles[: len(slices)] = slices
    grid = tiles.reshape(rows, columns, *slices.shape[1:]).swapaxes(1, 2)
    return grid.reshape(height, width)


def _stated_samples(truth: Truth) -> Truth:
    """Return shape, sum and range of the samples that a reader returns."""
    if "quantified" in truth:
        becquerel = {k: 37 * truth["quantified"][k] for k in ("sum", "min", "max")}
        return truth["quantified"] | becquerel  # of nCi
    if truth.get("stored") != "raw stored values" or not truth.get("rescale"):
        return truth
    slope, intercept = truth["rescale"]
    size = math.prod(truth["shape"])
    return truth | {
        "sum": truth["sum"] * slope + intercept * size,
        "min": truth["min"] * slope + intercept,
        "max": truth["max"] * slope + intercept,
        "probe": {k: v * slope + intercept for k, v in truth["probe"].items()},
    }


def _micrometres(truth: Truth) -> dict[str, float]:
    """Return the spacing that a truth states, in whichever words and unit it does."""
    found: dict[str, float] = {}

    def take(axes: str, values: Any, factor: float) -> None:
        found.update({a: float(v) * factor for a, v in zip(axes, values, strict=False)})

    if "spacing_zyx_mm" in truth:
        steps, *inplane = truth["spacing_zyx_mm"]
        take("z", [np.mean(steps)], MICROMETRES)
        take("yx", inplane, MICROMETRES)
    take("zyx", truth.get("voxel_mm", ()), MICROMETRES)
    take("xyz", truth.get("pixel_mm", ()), MICROMETRES)
    take("xyz", truth.get("zooms_xyz", ()), MICROMETRES)
    take("xyz", truth.get("zooms", ()), MICROMETRES)
    take("xyz", truth.get("spacing_xyz", ()), MICROMETRES)
    take("yx", truth.get("pixel_spacing") or (), MICROMETRES)
    take("yx", truth.get("pixel_measures", {}).get("spacing", ()), MICROMETRES)
    take("zyx", truth.get("voxel_um", ()), 1.0)
    take("xy", truth.get("pixel_size", ()), 1.0)
    scale = truth.get("scale_um", truth.get("pixel_um", {}))
    if isinstance(scale, dict):
        found.update(scale)
    else:
        take("zyx", scale if isinstance(scale, list) else (), 1.0)
        take("yx", [scale] * 2 if isinstance(scale, float) else (), 1.0)
    return found


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("key", HERE)
def test_a_file_holds_what_is_known_of_it(key: str, shared_data: Path) -> None:
    truth = TRUTHS[key]
    items = _open(key, shared_data)
    wanted = Image if "modality" in truth and truth["modality"] != "SEG" else object
    item = next(item for item in items if isinstance(item, wanted))
    _check_samples(_as_stated(_values(item), key, truth), _stated_samples(truth), key)
    first = _first(item)
    if isinstance(first, Raster):
        _check_type(first.dtype, truth)
    stated = _micrometres(truth)
    assert stated or key in GIVEN or "xresolution" in truth
    if key not in GIVEN:
        known = {axis: stated[axis] for axis in first.spacing if axis in stated}
        found = {axis: first.spacing[axis] for axis in known}
        assert found == pytest.approx(known, rel=1e-4)
    if "levels" in truth and "xresolution" not in truth:
        assert len(first.levels) == truth["levels"]
    if "channels" in truth:
        _check_channels(item, truth["channels"])
    if "t_s" in truth or "dt_s" in truth:
        step = truth.get("t_s", truth.get("dt_s"))
        np.testing.assert_allclose(np.diff(first.times), step)


def _check_samples(values: Values, truth: Truth, key: str) -> None:
    shape = tuple(n for n in truth["shape"] if n != 1)
    assert tuple(n for n in values.shape if n != 1) == shape
    values = values.reshape(truth["shape"])
    if "YBR" in truth.get("photometric", ""):
        return  # the truth holds colours before they are turned into red, green, blue
    # Behind the last slice of the mosaic its maker put noise on the sheet.
    if MOSAIC not in key:
        assert values.sum(dtype=np.float64) == pytest.approx(truth["sum"], rel=1e-6)
    assert values.min() == pytest.approx(truth["min"], rel=1e-5, abs=1e-12)
    assert values.max() == pytest.approx(truth["max"], rel=1e-5)
    for where, value in truth.get("probe", {}).items():
        place = tuple(int(n) for n in re.findall(r"\d+", where))
        assert values[place] == pytest.approx(value, rel=1e-5, abs=1e-12)


def _check_type(found: np.dtype[Any], truth: Truth) -> None:
    """Compare number types; a scaled sample may become a number with a point."""
    stated = np.dtype(truth.get("disk_dtype", truth["dtype"])).newbyteorder("=")
    if stated == np.float64:
        return  # the other program computed with it, whatever the file holds
    if found != stated:
        scaled = "rescale" in truth or truth.get("scl", [1.0, 0.0]) != [1.0, 0.0]
        assert found.kind == "f" or stated.kind in "iu", (found, stated)
        assert scaled, (found, stated)


def _check_channels(item: Any, names: list[Any]) -> None:
    members = list(item) if isinstance(item, ImageGroup) else [item]
    if all(isinstance(name, int) for name in names):
        assert [image.tags["wavelength_nm"] for image in members] == names
    else:
        assert [image.tags["channel"] for image in members] == names


def _keys(pattern: str) -> list[str]:
    return [key for key in TRUTHS if re.fullmatch(pattern, key)]


@pytest.mark.parametrize("key", _keys(r"optical/(wsi|ndpi)/.*"))
def test_slides_as_openslide_shows_them(key: str, shared_data: Path) -> None:
    truth = TRUTHS[key]
    (slide,) = _open(key, shared_data)
    assert list(slide.shape[::-1]) == truth["size_xy"]
    step = pytest.approx(float(truth["mpp"]), rel=1e-6)
    assert slide.spacing == {"y": step, "x": step}
    y, x = (n // 2 for n in slide.shape)
    crop = slide.data[y : y + 64, x : x + 64].compute()
    # A single channel lies in the red of a JPEG; what rounding leaves in green and
    # blue is no signal, but part of the sum.
    tolerance = 1e-4 if slide.rgb else 0.03
    stated = pytest.approx(truth["centre_64x64_rgb_sum"], rel=tolerance)
    assert crop.sum(dtype=np.int64) == stated


@pytest.mark.parametrize("key", _keys(r"imc/.*\.mcd"))
def test_acquisitions_of_mass_cytometry(key: str, shared_data: Path) -> None:
    truth = TRUTHS[key]
    items = _open(key, shared_data)
    pictures = [item for item in items if isinstance(item, Image)]
    groups = [item for item in items if isinstance(item, ImageGroup)]
    assert len(groups) == len(truth["acquisitions"])
    for group, expected in zip(groups, truth["acquisitions"], strict=True):
        assert group.name == expected["name"]
        assert [i.tags["isotope"] for i in group] == expected["channels"]
        assert [i.tags["channel"] for i in group] == expected["labels"]
        sides = expected["pixel_um"]
        assert group.images[0].spacing == {"x": sides[0], "y": sides[1]}
        _check_samples(_values(group), expected, key)
    assert len(pictures) == len(truth["panoramas"])
    for picture, expected in zip(pictures, truth["panoramas"], strict=True):
        extent = [
            n * picture.spacing[a] for n, a in zip(picture.shape, "yx", strict=True)
        ]
        assert extent == pytest.approx([expected["h_um"], expected["w_um"]])


@pytest.mark.parametrize("key", _keys(r"laicpms/synth/.*"))
def test_elements_of_laser_ablation(key: str, shared_data: Path) -> None:
    truth = TRUTHS[key]
    (group,) = _open(key, shared_data)
    images = {image.name: image for image in group}
    assert list(images)[: len(truth["elements"])] == truth["elements"]
    for element, short in (("P31", "p31"), ("Gd158", "gd"), ("Au197", "au")):
        assert images[element].spacing == pytest.approx(truth["pixel_um"])
        if short in truth:
            _check_samples(images[element].data.compute(), truth[short], key)
    if "au_ug_per_g_max" in truth:
        concentration = images["Au197 ug/g"].data.compute()
        assert concentration.max() == pytest.approx(truth["au_ug_per_g_max"])


def _spectra(shared_data: Path) -> Iterator[Spectra]:
    for name in ("continuous", "processed"):
        path = shared_data / f"multimodal/msi_he_synth/msi_{name}.imzML"
        (item,) = open_file(path).objects
        assert isinstance(item, Spectra)
        yield item


@pytest.mark.parametrize("key", _keys(r"multimodal/msi_he_synth"))
def test_mass_spectrometry_and_histology_of_one_tissue(
    key: str, shared_data: Path
) -> None:
    truth = TRUTHS[key]
    (picture,) = open_file(shared_data / key / "he.ome.tif").objects
    assert isinstance(picture, Image)
    values = picture.data.compute()
    assert list(values.shape) == truth["he"]["shape"]
    # The truth is that of the picture before it became a JPEG.
    assert values.sum(dtype=np.int64) == pytest.approx(truth["he"]["sum"], rel=2e-3)
    assert picture.spacing == {"y": truth["he_um"], "x": truth["he_um"]}
    mass = truth["compounds"]["doxorubicin"][0]
    for spectra in _spectra(shared_data):
        assert len(spectra) == truth["pixels_written"]
        assert spectra.spacing == {"y": truth["msi_um"], "x": truth["msi_um"]}
        image = np.zeros(truth["msi_shape"])
        for number, place in enumerate(spectra.pixels):
            mz, intensity = spectra.source.read(number)
            near = np.abs(mz - mass) < 0.05
            image[tuple(place)] = intensity[near].sum()
        assert image.max() > 0
