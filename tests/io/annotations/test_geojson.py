"""Outlines and points of QuPath, read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nanoscape.compute.resample import rasterise
from nanoscape.errors import MissingCalibration, UnreadableFile, WrongInput
from nanoscape.io import describe, open_file, read, write
from nanoscape.model import Affine, Image, Points, Regions, Tags

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def square(left: float, top: float, size: float) -> list[list[float]]:
    right, bottom = left + size, top + size
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    ident = properties.pop("id", None)
    return {
        "type": "Feature",
        "id": ident,
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": properties,
    }


def save(path: Path, *features: Any) -> Path:
    content = {"type": "FeatureCollection", "features": list(features)}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_the_outline_of_whole_pixels_covers_their_centres(tmp_path: Path) -> None:
    # QuPath's rectangle x=3 y=2 w=4 h=5 holds the pixels 3..6 of the rows 2..6.
    ring = [[3, 2], [7, 2], [7, 7], [3, 7], [3, 2]]
    path = save(tmp_path / "a.geojson", feature("Polygon", [ring]))
    (regions,) = read(path, pixel_size=0.5)
    image = Image.from_array(np.zeros((10, 12)), "yx", spacing=0.5, space="a")
    expected = np.zeros((10, 12), bool)
    expected[2:7, 3:7] = True
    np.testing.assert_array_equal(rasterise(regions, image), expected)


def test_holes_parts_classes_and_colours_are_kept(tmp_path: Path) -> None:
    kind = {"name": "Tumour", "color": [200, 0, 1]}
    old = {"name": "Stroma", "colorRGB": -3670016}  # what QuPath 0.2 wrote for C80000
    path = save(
        tmp_path / "a.geojson",
        feature("Polygon", [square(0, 0, 9), square(2, 2, 3)], classification=kind),
        feature(
            "MultiPolygon",
            [[square(20, 0, 4)], [square(30, 0, 9), square(31, 1, 2)]],
            id=UUID,
            name="Rim",
            classification=old,
            measurements={"Area µm^2": 12.5, "note": "text"},
        ),
    )
    (regions,) = read(path, pixel_size=2.0)
    assert regions.names == ("Tumour", "Rim", "Rim")
    assert [len(regions.holes_of(i)) for i in range(3)] == [1, 0, 1]
    np.testing.assert_allclose(
        regions.holes[0][0], (np.array([[2, 2], [2, 5], [5, 5], [5, 2]]) - 0.5) * 2
    )
    table = regions.table
    assert table["classification"].tolist() == ["Tumour", "Stroma", "Stroma"]
    assert table["color"].tolist() == ["#c80001", "#c80000", "#c80000"]
    assert table["id"].tolist()[1:] == [UUID, UUID]
    assert table["Area µm^2"].tolist()[1:] == [12.5, 12.5]


def test_points_and_other_shapes(tmp_path: Path) -> None:
    path = save(
        tmp_path / "cells.geojson",
        feature("Point", [0.5, 10.5], name="first", measurements={"DAB": 0.25}),
        feature("MultiPoint", [[1.5, 2.5, 9], [2.5, 2.5, 9]]),
        feature("LineString", [[0, 0], [1, 1]]),
        feature("Polygon", [square(0, 0, 2)]),
        {"type": "Feature", "geometry": None, "properties": {}},
    )
    opened = open_file(path, pixel_size=0.5)
    regions, points = opened.objects
    assert isinstance(regions, Regions)
    assert isinstance(points, Points)
    # The centre of the pixel in row 10 and column 0.
    np.testing.assert_allclose(points.coordinates, [[5, 0], [1, 0.5], [1, 1]])
    assert points.table["DAB"][0] == 0.25
    assert points.table["name"].tolist() == ["first", "", ""]
    assert opened.warnings == ("shapes of the kind LineString are left out",)


def test_kinds_in_the_place_of_identifiers_make_no_parts(tmp_path: Path) -> None:
    # QuPath 0.2 gave every feature the same.
    path = save(
        tmp_path / "a.geojson",
        feature("Polygon", [square(0, 0, 2)], id="PathAnnotationObject"),
        feature(
            "MultiPolygon",
            [[square(5, 0, 2)], [square(9, 0, 2)]],
            id="PathAnnotationObject",
        ),
    )
    (regions,) = read(path, pixel_size=1.0)
    again = json.loads(write(regions, tmp_path / "b.geojson").read_text("utf-8"))
    kinds = [f["geometry"]["type"] for f in again["features"]]
    assert kinds == ["Polygon", "MultiPolygon"]


def test_outlines_are_described(tmp_path: Path) -> None:
    path = save(tmp_path / "a.geojson", feature("Polygon", [square(0, 0, 2)]))
    (about,) = describe(path, pixel_size=0.5)["objects"]
    assert about == {
        "name": "a",
        "kind": "regions",
        "count": 1,
        "axes": "yx",
        "space": "a",
        "tags": {"pixel_size_um": 0.5},
    }


def test_the_size_of_pixels_is_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path / "a.geojson", feature("Polygon", [square(0, 0, 2)]))
    with pytest.raises(MissingCalibration, match="pixel_size"):
        read(path)


@pytest.mark.parametrize(
    "content",
    [
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [float("nan"), 2]]]},
        {"type": "Polygon", "coordinates": None},
        {"type": "Polygon"},
        {"type": "FeatureCollection", "features": ["Polygon"]},
        {"type": "FeatureCollection", "features": []},
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[]]}},
    ],
)
def test_what_is_no_outline_is_one_error(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UnreadableFile):
        read(path, pixel_size=1.0)


@pytest.fixture
def drawn() -> Regions:
    rng = np.random.default_rng(1)
    polygons = tuple(rng.uniform(-50, 50, (n, 2)) for n in (3, 7, 4))
    return Regions(
        polygons=polygons,
        names=("a", "b", "b"),
        holes=((), (rng.uniform(-1, 1, (3, 2)), rng.uniform(2, 3, (5, 2))), ()),
        axes="yx",
        space="slide",
        name="drawn by hand",
        table=pd.DataFrame(
            {
                "classification": ["Tumour", None, None],
                "color": ["#010203", None, None],
                "id": [UUID, "part", "part"],
                "note": ["deep", "x", "x"],
                "score": [0.5, np.nan, np.nan],
            }
        ),
        tags=Tags.of("user", subject="m1", weight_g=25.5).having("sheet", group="a"),
    )


def assert_same_regions(found: Regions, wanted: Regions) -> None:
    assert found.names == wanted.names
    assert (found.axes, found.space, found.name) == ("yx", wanted.space, wanted.name)
    assert found.tags.tags == wanted.tags.tags
    for i, polygon in enumerate(wanted.polygons):
        np.testing.assert_allclose(found.polygons[i], polygon, rtol=0, atol=1e-9)
        assert len(found.holes_of(i)) == len(wanted.holes_of(i))
        for own, other in zip(found.holes_of(i), wanted.holes_of(i), strict=True):
            np.testing.assert_allclose(own, other, rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(
        found.table[sorted(found.table)],
        wanted.table[sorted(wanted.table)],
        check_dtype=False,
    )


def test_what_is_written_comes_back_as_it_was(drawn: Regions, tmp_path: Path) -> None:
    path = write(drawn, tmp_path / "out.geojson", pixel_size=0.37)
    (found,) = read(path)
    assert_same_regions(found, drawn)
    with pytest.raises(WrongInput, match="exists already"):
        write(drawn, path, pixel_size=0.37)


def test_outlines_are_written_in_the_pixels_of_their_image(
    drawn: Regions, tmp_path: Path
) -> None:
    turned = Affine(np.array([[0, 0.5, 7], [-0.5, 0, 9], [0, 0, 1.0]]), "yx", "yx")
    image = Image.from_array(
        np.zeros((4, 4)), "yx", grid_to_space=turned, space="slide"
    )
    path = write(drawn, tmp_path / "out.geojson", like=image)
    content = json.loads(path.read_text("utf-8"))
    x, y = content["features"][0]["geometry"]["coordinates"][0][0]
    np.testing.assert_allclose(
        turned.apply([[y - 0.5, x - 0.5]])[0], drawn.polygons[0][0]
    )
    kinds = [f["geometry"]["type"] for f in content["features"]]
    assert kinds == ["Polygon", "MultiPolygon"]
    (found,) = read(path)
    assert_same_regions(found, drawn)
    elsewhere = image.replace(space="msi")
    with pytest.raises(WrongInput, match="'msi'"):
        write(drawn, tmp_path / "other.geojson", like=elsewhere)


def test_outlines_without_pixels_are_not_written(
    drawn: Regions, tmp_path: Path
) -> None:
    with pytest.raises(MissingCalibration):
        write(drawn, tmp_path / "out.geojson")
    assert list(tmp_path.iterdir()) == []


def test_what_was_read_with_a_pixel_size_is_written_with_it(tmp_path: Path) -> None:
    path = save(tmp_path / "a.geojson", feature("Polygon", [square(3, 2, 4)]))
    (regions,) = read(path, pixel_size=0.5)
    again = write(regions, tmp_path / "b.geojson")
    content = json.loads(again.read_text("utf-8"))
    assert content["features"][0]["geometry"]["coordinates"] == [square(3, 2, 4)]


def test_points_come_back_as_they_were(tmp_path: Path) -> None:
    points = Points(
        coordinates=np.random.default_rng(2).normal(0, 99, (5, 2)),
        axes="yx",
        space="slide",
        name="cells",
        table=pd.DataFrame({"name": list("abcde"), "area_um2": np.arange(5) + 0.5}),
        tags=Tags.of("guess", role="Nuclei"),
    )
    (found,) = read(write(points, tmp_path / "p.geojson", pixel_size=0.2))
    np.testing.assert_allclose(found.coordinates, points.coordinates, atol=1e-9)
    assert (found.space, found.name) == ("slide", "cells")
    assert found.tags.tags == points.tags.tags
    pd.testing.assert_frame_equal(found.table, points.table)
