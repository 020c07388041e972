"""MIBI TIFF: masses and targets of the pages, pixels per centimetre, pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from damaged import COPIES, assert_data_or_one_error, damaged_copies

from nanoscape.errors import MissingCalibration
from nanoscape.io import open_file, read
from nanoscape.model import Image, ImageGroup

FILE = "mibi_synth/mibi.tiff"
VALUES = np.random.default_rng(1).poisson(2.0, (3, 20, 30)).astype(np.uint16)
CHANNELS = ((89, "dsDNA"), (158, "CD45"), (197, "Au"))


def write_mibi(
    path: Path,
    channels: Any = CHANNELS,
    *,
    resolution: tuple[float, float] = (20480, 20480),
    optical: bool = False,
) -> None:
    """Write pages as IONpath does; a picture of the slide may follow."""
    with tifffile.TiffWriter(path) as tiff:
        for values, (mass, target) in zip(VALUES, channels, strict=False):
            about = {"image.type": "SIMS", "mibi.fov": "FOV1"}
            about |= {"channel.mass": mass, "channel.target": target}
            tiff.write(
                values,
                description=json.dumps(about),
                resolution=resolution,
                resolutionunit="CENTIMETER",
                extratags=[(285, "s", 0, f"{target} ({mass})", True)],
                metadata=None,
                software="IonpathMIBIv1.0",
            )
        if optical:
            picture = np.zeros((40, 50, 3), np.uint8)
            about = {"image.type": "Optical"}
            tiff.write(
                picture,
                photometric="rgb",
                description=json.dumps(about),
                metadata=None,
            )


def test_a_file_equals_the_reference(shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[FILE]
    (group,) = read(shared_data / FILE)
    assert isinstance(group, ImageGroup)
    assert [image.name for image in group] == truth["channels"]
    assert [image.tags["analyte"] for image in group] == truth["channels"]
    assert [image.tags["mass_u"] for image in group] == truth["masses"]
    for image in group:
        assert image.spacing == {"y": truth["pixel_um"], "x": truth["pixel_um"]}
        assert image.tags["modality"] == "MIBI"
        assert image.quantity.unit == "counts"
    assert group["Au"].tags["isotope"] == "Au197"
    assert "isotope" not in group["CD45"].tags
    assert group["dsDNA"].tags["role"] == "Nuclei"
    values = np.stack([image.data.compute() for image in group])
    assert list(values.shape) == truth["shape"]
    assert values.dtype == truth["dtype"]
    assert (values.sum(), values.min(), values.max()) == (
        truth["sum"],
        truth["min"],
        truth["max"],
    )


def test_pixels_are_per_centimetre_and_pictures_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "fov.tiff"
    write_mibi(path, resolution=(20480, 10240), optical=True)
    opened = open_file(path)
    (group,) = opened.objects
    assert isinstance(group, ImageGroup)
    assert group.name == "fov"
    x = 1e4 / 20480
    assert group.images[0].spacing == pytest.approx({"y": 2 * x, "x": x})
    np.testing.assert_array_equal(
        np.stack([image.data.compute() for image in group]), VALUES
    )
    assert opened.warnings == (
        "the picture 'Optical', which shows no mass, is left out",
    )


def test_a_single_mass_is_an_image(tmp_path: Path) -> None:
    path = tmp_path / "fov.tiff"
    write_mibi(path, CHANNELS[2:])
    (image,) = read(path)
    assert isinstance(image, Image)
    assert image.tags["analyte"] == image.tags["channel"] == "Au"
    assert image.tags["isotope"] == "Au197"
    np.testing.assert_array_equal(image.data, VALUES[0])


def test_a_mass_without_a_target_keeps_its_number(tmp_path: Path) -> None:
    path = tmp_path / "fov.tiff"
    write_mibi(path, ((89, "dsDNA"), (23, None), (56, "Fe")))
    (group,) = read(path)
    assert isinstance(group, ImageGroup)
    assert [image.name for image in group] == ["dsDNA", "23", "Fe"]
    assert group["Fe"].tags["isotope"] == "Fe56"


def test_a_resolution_for_printing_is_no_calibration(tmp_path: Path) -> None:
    path = tmp_path / "fov.tiff"
    write_mibi(path, resolution=(72 / 2.54, 72 / 2.54))
    with pytest.raises(MissingCalibration):
        read(path)


def test_damaged_copies_give_data_or_one_error(tmp_path: Path) -> None:
    path = tmp_path / "fov.tiff"
    write_mibi(path, optical=True)
    copies = tmp_path / "copies"
    copies.mkdir()
    found = [
        assert_data_or_one_error(copy, pixel_size=1.0)
        for copy in damaged_copies(path, copies, count=COPIES)
    ]
    assert not all(found)
