"""The files that come with the project are whole and open in their place."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from nanoscape.io import read
from nanoscape.model import ImageGroup
from nanoscape.msi.ion_image import ion_image

FOLDER = Path(__file__).parents[1] / "sample_data"
SUMS = dict(
    reversed(line.split())
    for line in (FOLDER / "SHA256SUMS").read_text("utf-8").splitlines()
)


def test_every_file_is_listed_and_unchanged():
    data = {path.name for path in FOLDER.iterdir()} - {"README.md", "SHA256SUMS"}
    assert data == set(SUMS)
    for name, digest in SUMS.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    ("name", "axes", "spacing"),
    [
        ("m1_s1_slide.ome.tif", "yx", {"y": 0.65, "x": 0.65}),
        ("m1_s1_gold.ome.tif", "yx", {"y": 15, "x": 15}),
        ("m1_pet.nii.gz", "zyx", {"z": 800, "y": 800, "x": 800}),
        ("m1_s1_maldi.imzML", "yx", {"y": 30, "x": 30}),
    ],
)
def test_images_open_in_micrometres(name, axes, spacing):
    (item,) = read(FOLDER / name)
    item = item.images[0] if isinstance(item, ImageGroup) else item
    assert item.axes == axes
    assert item.spacing == pytest.approx(spacing)


def test_the_drug_and_the_outlines_are_there():
    (spectra,) = read(FOLDER / "m1_s1_maldi.imzML")
    drug = ion_image(spectra, mz=544.1813, tolerance_ppm=20.0).data.compute()
    assert drug[drug > 0].size > 10
    for name in ("tissue", "necrosis"):
        path = FOLDER / f"m1_s1_{name}.geojson"
        (regions,) = read(path, pixel_size=0.65)
        assert len(regions.polygons) >= 1
