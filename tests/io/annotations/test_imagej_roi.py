"""ImageJ selections, in the conventions of ImageJ, read and written."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile

from nanoscape.compute.resample import rasterise
from nanoscape.errors import MissingCalibration, UnreadableFile, WrongInput
from nanoscape.io import open_file, read, recognise, write
from nanoscape.io.annotations.outlines import nested
from nanoscape.model import Image, Regions


def header(
    kind: int, box: tuple[int, int, int, int], count: int = 0, options: int = 0
) -> bytearray:
    """Return the 64 bytes that start a selection, as ij.io.RoiDecoder names them."""
    top, left, bottom, right = box
    data = bytearray(64)
    struct.pack_into(">4shBx", data, 0, b"Iout", 227, kind)
    struct.pack_into(">hhhhH", data, 8, top, left, bottom, right, count)
    struct.pack_into(">h", data, 50, options)
    return data


def rectangle(top: int, left: int, bottom: int, right: int) -> bytes:
    return bytes(header(1, (top, left, bottom, right)))


def polygon(x: list[int], y: list[int], *, kind: int = 0) -> bytes:
    """Return a polygon, whose corners are stored from its box."""
    box = (min(y), min(x), max(y), max(x))
    data = header(kind, box, len(x))
    for values, start in ((x, min(x)), (y, min(y))):
        data += struct.pack(f">{len(x)}h", *(v - start for v in values))
    return bytes(data)


def mask(regions: Regions, shape: tuple[int, int], spacing: float) -> np.ndarray:
    image = Image.from_array(
        np.zeros(shape), "yx", spacing=spacing, space=regions.space
    )
    return rasterise(regions, image).compute()


def test_a_rectangle_holds_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.roi"
    path.write_bytes(rectangle(2, 3, 7, 7))
    (regions,) = read(path, pixel_size=0.5)
    expected = np.zeros((10, 12), bool)
    expected[2:7, 3:7] = True
    np.testing.assert_array_equal(mask(regions, (10, 12), 0.5), expected)
    np.testing.assert_allclose(regions.polygons[0].min(axis=0), [0.75, 1.25])
    assert regions.names == ("a",)


def test_a_polygon_of_whole_numbers_runs_along_pixel_corners(tmp_path: Path) -> None:
    path = tmp_path / "a.roi"
    path.write_bytes(polygon([3, 7, 7, 3], [2, 2, 7, 7]))
    (regions,) = read(path, pixel_size=2.0)
    expected = np.zeros((10, 12), bool)
    expected[2:7, 3:7] = True
    np.testing.assert_array_equal(mask(regions, (10, 12), 2.0), expected)


def test_points_lie_at_pixel_centres(tmp_path: Path) -> None:
    path = tmp_path / "p.roi"
    path.write_bytes(polygon([3, 7], [2, 5], kind=10))
    (points,) = read(path, pixel_size=0.5)
    np.testing.assert_allclose(points.coordinates, [[1.0, 1.5], [2.5, 3.5]])


def test_an_oval_has_the_area_of_its_ellipse(tmp_path: Path) -> None:
    path = tmp_path / "o.roi"
    path.write_bytes(bytes(header(2, (10, 20, 30, 60))))
    (regions,) = read(path, pixel_size=1.0)
    y, x = regions.polygons[0].T
    area = abs(np.dot(y, np.roll(x, 1)) - np.dot(x, np.roll(y, 1))) / 2
    assert area == pytest.approx(np.pi * 10 * 20, rel=1e-9)
    np.testing.assert_allclose([y.mean(), x.mean()], [19.5, 39.5])


def test_subpixel_corners_and_the_position_in_a_stack(tmp_path: Path) -> None:
    corners = np.array([[1.25, 2.5], [9.75, 2.5], [5.5, 8.125]])
    roi = roifile.ImagejRoi.frompoints(corners, name="Kern µ", z=3, t=1)
    roi.stroke_color = bytes([255, 16, 32, 48])
    roi.tofile(tmp_path / "a.roi")
    (regions,) = read(tmp_path / "a.roi", pixel_size=0.1)
    np.testing.assert_allclose(regions.polygons[0], (corners[:, ::-1] - 0.5) * 0.1)
    row = regions.table.iloc[0]
    assert (row["z_index"], row["t_index"], row["color"]) == (3, 1, "#102030")
    assert regions.names == ("Kern µ",)


def test_a_composite_keeps_holes_and_islands(tmp_path: Path) -> None:
    rings = [(0, 0, 20), (4, 4, 8), (6, 6, 2), (40, 0, 5)]
    path: list[float] = []
    for left, top, size in rings:
        corners = [(left, top), (left + size, top), (left + size, top + size),
                   (left, top + size)]  # fmt: skip
        path += [0, *corners[0]]
        for corner in corners[1:]:
            path += [1, *corner]
        path += [4]
    data = header(1, (0, 0, 20, 45))
    struct.pack_into(">i", data, 36, len(path))
    data += struct.pack(f">{len(path)}f", *path)
    (tmp_path / "c.roi").write_bytes(bytes(data))
    (regions,) = read(tmp_path / "c.roi", pixel_size=1.0)
    assert len(regions) == 3
    assert sorted(len(regions.holes_of(i)) for i in range(3)) == [0, 0, 1]
    found = mask(regions, (30, 50), 1.0)
    assert found.sum() == 20**2 - 8**2 + 2**2 + 5**2
    assert found[7, 7]
    assert not found[5, 5]


def test_rings_that_share_a_corner_are_nested_by_their_insides() -> None:
    outer = np.array([[0.0, 0], [0, 8], [8, 8], [8, 0]])
    inner = np.array([[0.0, 0], [2, 4], [4, 2]])
    ((area, holes),) = nested([inner, outer])
    np.testing.assert_array_equal(area, outer)
    assert len(holes) == 1


def test_a_zip_of_the_roi_manager(tmp_path: Path) -> None:
    path = tmp_path / "RoiSet.zip"
    line = header(3, (0, 0, 9, 9))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../outside.roi", rectangle(0, 0, 2, 2))
        archive.writestr("0002.roi", polygon([1, 2], [1, 2], kind=10))
        archive.writestr("line.roi", bytes(line))
        archive.writestr("__MACOSX/._0002.roi", b"rubbish")
    assert recognise(path).name == "imagej-roi"
    opened = open_file(path, pixel_size=1.0)
    regions, points = opened.objects
    assert regions.names == ("outside",)
    assert len(points) == 2
    assert opened.warnings == (
        "selections without an area, such as lines, are left out",
    )
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["RoiSet.zip"]
    with pytest.raises(MissingCalibration):
        read(path)


def test_other_zips_are_not_claimed(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.roi", rectangle(0, 0, 2, 2))
        archive.writestr("b.txt", "text")
    assert recognise(path) is None


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "RoiSet.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.roi", bytes(2**27))
    with pytest.raises(UnreadableFile, match="unpacks to too much"):
        read(path, pixel_size=1.0)


def test_what_is_written_is_read_by_roifile_and_comes_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    regions = Regions(
        polygons=tuple(rng.uniform(0, 500, (n, 2)) for n in (3, 9)),
        names=("Rand/links", "µ"),
        axes="yx",
        space="RoiSet",
        name="RoiSet",
    )
    path = write(regions, tmp_path / "RoiSet.zip", pixel_size=0.25)
    first, _ = roifile.roiread(path)
    # Stored as 32-bit numbers of pixels, from the corner of the first pixel.
    np.testing.assert_allclose(
        first.coordinates(), regions.polygons[0][:, ::-1] / 0.25 + 0.5, rtol=1e-6
    )
    (found,) = read(path, pixel_size=0.25)
    assert found.names == regions.names
    for own, other in zip(found.polygons, regions.polygons, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-4)
    with pytest.raises(WrongInput, match="2 outlines"):
        write(regions, tmp_path / "a.roi", pixel_size=0.25)
    holes = ((regions.polygons[0],), ())
    with pytest.raises(WrongInput, match="has holes"):
        write(regions.replace(holes=holes), tmp_path / "b.zip", pixel_size=0.25)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["RoiSet.zip"]
