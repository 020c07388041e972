"""Photoacoustic images by wavelength, and raw signals that are no image."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nanoscape.errors import UnreadableFile
from nanoscape.io import read, recognise, write
from nanoscape.model import ImageGroup

FIXTURE = "photoacoustic/synth/pa_5wl.ome.tif"


def test_wavelengths_are_the_coordinate(shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[FIXTURE]
    (group,) = read(shared_data / FIXTURE)
    assert isinstance(group, ImageGroup)
    assert group.coordinate == "wavelength_nm"
    assert group.coordinates() == truth["channels"]
    values = np.stack([image.data.compute() for image in group])
    assert list(values.shape) == truth["shape"]
    assert values.dtype == truth["dtype"]
    assert values.sum(dtype=np.float64) == pytest.approx(truth["sum"], rel=1e-7)
    assert (values.min(), values.max()) == (truth["min"], truth["max"])
    for image in group:
        assert set(image.spacing.values()) == {truth["scale_um"]}
        assert "modality" not in image.tags


def test_the_truth_can_be_unmixed_from_the_wavelengths(shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[FIXTURE]
    (group,) = read(shared_data / FIXTURE)
    assert isinstance(group, ImageGroup)
    values = np.stack([image.data.compute() for image in group])
    # Absorption is a mixture of the two haemoglobins at each wavelength.
    spectra = np.array([truth["eps_Hb"], truth["eps_HbO2"]]).T
    hb, hbo2 = np.linalg.lstsq(spectra, values.reshape(len(values), -1), rcond=None)[0]
    saturation = np.sort(hbo2 / (hb + hbo2))
    so2 = truth["so2_truth"]
    assert np.median(saturation) == pytest.approx(so2["tissue"], abs=0.02)
    assert np.percentile(saturation, 99.9) == pytest.approx(so2["vessel"], abs=0.02)


def test_wavelengths_survive_a_copy(shared_data: Path, tmp_path: Path) -> None:
    (group,) = read(shared_data / FIXTURE)
    assert isinstance(group, ImageGroup)
    for name in ("a.ome.tif", "a.ome.zarr"):
        (found,) = read(write(group, tmp_path / name))
        assert isinstance(found, ImageGroup)
        assert found.coordinate == "wavelength_nm"
        assert found.coordinates() == group.coordinates()


@pytest.mark.parametrize(
    "names", [["700 nm", "DAPI"], ["DAPI 405 nm", "GFP 488 nm"], ["700", "800"]]
)
def test_dyes_are_channels(names: list[str], tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        np.zeros((2, 8, 9), np.uint8),
        metadata={
            "axes": "CYX",
            "PhysicalSizeX": 1.0,
            "PhysicalSizeY": 1.0,
            "Channel": {"Name": names},
        },
    )
    (group,) = read(tmp_path / "a.ome.tif")
    assert isinstance(group, ImageGroup)
    assert group.coordinate == "channel"


def test_raw_signals_are_refused_with_a_reason(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "Scan_1.hdf5"
    with h5py.File(path, "w") as file:
        signals = file.create_dataset("raw_data", data=np.zeros((1, 2, 8, 30)))
        signals.attrs["speedofsound"] = 1500.0
        file["wavelengths"] = [700.0, 800.0]
        file["GEOMETRY"] = np.zeros((8, 3))
    with pytest.raises(UnreadableFile, match="reconstruct"):
        read(path)
    other = tmp_path / "other.hdf5"
    with h5py.File(other, "w") as file:
        file["image"] = np.zeros((4, 4))
    assert recognise(other) is None


def test_the_description_of_a_scan_is_refused_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "Scan_1.msot"
    path.write_text('<?xml version="1.0"?>\n<DataModelMsotProject>MSOT</...>')
    with pytest.raises(UnreadableFile, match="reconstruct"):
        read(path)
