"""Whole slides: one instrument-written of two makers, the others synthetic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from slide_files import HALF, PHOTO, SCAN, TILES, akoya, leica, philips, ventana

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import associated_images, open_file, read
from nanoscape.io.lazy import ByteReader
from nanoscape.model import Image, ImageGroup


def test_an_ndpi_is_a_grey_fluorescence(shared_data: Path) -> None:
    name = "optical/ndpi/test3-TRITC-2-560.ndpi"
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[name]
    opened = open_file(shared_data / name)
    assert opened.format == "slide"
    (slide,) = opened.objects
    assert isinstance(slide, Image)
    assert list(slide.shape[::-1]) == truth["size_xy"]
    assert slide.spacing["x"] == pytest.approx(float(truth["mpp"]))
    assert len(slide.levels) == 4
    assert not slide.rgb
    assert slide.tags["modality"] == "fluorescence"
    assert slide.tags["vendor"] == "Hamamatsu"
    assert slide.tags["magnification"] == 40.0
    assert slide.tags["emission_nm"] == 622.0
    assert slide.tags["channel"] == "TRITC 2 (560)"
    # The three colours of the centre sum to the reference; the red one is taken.
    y, x = (n // 2 for n in slide.shape)
    crop = slide.data[y : y + 64, x : x + 64].compute()
    with tifffile.TiffFile(shared_data / name) as file:
        colours = file.pages.first.asarray()[y : y + 64, x : x + 64]
    assert colours.sum(dtype=np.int64) == truth["centre_64x64_rgb_sum"]
    np.testing.assert_array_equal(crop, colours[..., 0])
    assert crop.sum(dtype=np.int64) > 0.97 * truth["centre_64x64_rgb_sum"]


def test_photographs_are_kept_apart(shared_data: Path) -> None:
    wsi = shared_data / "optical/wsi/cmu-1-small-region.svs"
    (slide,) = read(wsi)
    assert isinstance(slide, Image)
    assert slide.tags["vendor"] == "Aperio"
    assert slide.tags["magnification"] == 20.0
    assert slide.tags["acquisition_time"] == "2009-12-29T09:59:15"
    names = ["Thumbnail", "Label", "Macro"]
    assert slide.tags["associated_images"] == ", ".join(names)
    photographs = associated_images(wsi)
    assert [*photographs] == names
    with tifffile.TiffFile(wsi) as file:
        for photograph, page in zip(photographs.values(), file.pages[1:], strict=True):
            np.testing.assert_array_equal(photograph, page.asarray())


@pytest.mark.parametrize(
    ("write", "suffix", "vendor", "micrometres", "magnification"),
    [
        (philips, "tiff", "Philips", 0.25, None),
        (ventana, "bif", "Ventana", 0.2325, 40.0),
    ],
)
def test_a_synthetic_slide(
    write: Any,
    suffix: str,
    vendor: str,
    micrometres: float,
    magnification: float | None,
    tmp_path: Path,
) -> None:
    path = tmp_path / f"a.{suffix}"
    write(path)
    opened = open_file(path)
    assert opened.format == "slide"
    assert opened.warnings == ()
    (slide,) = opened.objects
    assert isinstance(slide, Image)
    assert slide.rgb
    assert slide.tags["vendor"] == vendor
    assert slide.tags.get("magnification") == magnification
    assert slide.spacing == pytest.approx({"y": micrometres, "x": micrometres})
    assert [level.factors for level in slide.levels] == [(1.0, 1.0), (2.0, 2.0)]
    np.testing.assert_array_equal(slide.data.compute(), SCAN)
    np.testing.assert_array_equal(slide.levels[1].data.compute(), HALF)
    for photograph in associated_images(path).values():
        np.testing.assert_array_equal(photograph, PHOTO)


def test_overlapping_tiles_are_told(tmp_path: Path) -> None:
    ventana(tmp_path / "a.bif", overlap=24)
    assert "overlap by up to 24 pixels" in open_file(tmp_path / "a.bif").warnings[0]


def test_the_scans_of_one_slide_keep_their_places(tmp_path: Path) -> None:
    leica(tmp_path / "a.scn")
    first, second = read(tmp_path / "a.scn")
    assert isinstance(first, Image)
    assert isinstance(second, Image)
    assert [first.name, second.name] == ["a tissue 1", "a tissue 2"]
    assert first.space == second.space == "a"
    assert first.spacing == pytest.approx({"y": 0.5, "x": 0.5})
    # Centres lie half a pixel inside the corner that the file states.
    np.testing.assert_allclose(first.grid_to_space.shift, (3000.25, 2000.25))
    np.testing.assert_allclose(second.grid_to_space.shift, (3000.25, 8000.25))
    assert first.tags["associated_images"] == "Overview 1"
    np.testing.assert_array_equal(second.data.compute(), SCAN)
    np.testing.assert_array_equal(
        associated_images(tmp_path / "a.scn")["Overview 1"], PHOTO
    )


def test_a_leica_fluorescence_has_named_channels(tmp_path: Path) -> None:
    planes = SCAN.transpose(2, 0, 1).copy()
    dimensions = "".join(
        f'<dimension sizeX="768" sizeY="1024" r="0" c="{c}" ifd="{c}"/>'
        for c in range(3)
    )
    named = "".join(f'<channel name="{n}"/>' for n in ("DAPI", "CD31", "Drug"))
    text = (
        '<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/'
        '2010/10/01"><collection sizeX="26000000" sizeY="76000000"><image name="a">'
        f'<pixels sizeX="768" sizeY="1024">{dimensions}</pixels><view sizeX="384000" '
        'sizeY="512000" offsetX="0" offsetY="0"/><scanSettings><channelSettings>'
        f"{named}</channelSettings><illuminationSettings><illuminationSource>"
        "fluorescence</illuminationSource></illuminationSettings></scanSettings>"
        "</image></collection></scn>"
    )
    with tifffile.TiffWriter(tmp_path / "a.scn", bigtiff=True) as file:
        for plane in planes:
            file.write(
                plane,
                description=text,
                tile=(256, 256),
                photometric="minisblack",
                metadata=None,
            )
    (group,) = read(tmp_path / "a.scn")
    assert isinstance(group, ImageGroup)
    assert [image.name for image in group] == ["DAPI", "CD31", "Drug"]
    assert group.images[2].tags["modality"] == "fluorescence"
    np.testing.assert_array_equal(group.images[1].data.compute(), planes[1])


def test_a_multiplex_slide_has_named_channels(tmp_path: Path) -> None:
    akoya(tmp_path / "a.qptiff")
    (group,) = read(tmp_path / "a.qptiff")
    assert isinstance(group, ImageGroup)
    assert [image.name for image in group] == ["DAPI", "CD31", "Opal 690"]
    assert group.images[1].tags["role"] == "Vessels"
    assert group.images[0].spacing == pytest.approx({"y": 0.5, "x": 0.5})
    assert len(group.images[0].levels) == 2
    np.testing.assert_array_equal(group.images[2].data.compute(), SCAN[..., 2])


def test_a_slide_without_its_resolution_asks(tmp_path: Path) -> None:
    text = "Aperio Image Library v11\r\n1024x768 |AppMag = 20"
    tifffile.imwrite(tmp_path / "a.svs", SCAN, description=text, **TILES)
    with pytest.raises(MissingCalibration, match="pixel_size"):
        read(tmp_path / "a.svs")
    (slide,) = read(tmp_path / "a.svs", pixel_size=0.5)
    assert isinstance(slide, Image)
    assert slide.tags.origin("pixel_size_um") == "user"


@pytest.mark.parametrize("write", [philips, leica, ventana, akoya])
def test_opening_reads_no_samples(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    write(path)
    monkeypatch.setattr(ByteReader, "read", None)
    (item, *_) = read(path)
    first = item.images[0] if isinstance(item, ImageGroup) else item
    assert isinstance(first, Image)
    with pytest.raises(UnreadableFile):
        first.data[:5, :5].compute()
