"""Outlines as part of a study: where they lie, and that they are kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nanoscape.errors import MissingCalibration
from nanoscape.io import write
from nanoscape.model import Affine, Image, Labels, Regions, Study, Tags
from nanoscape.workflow import Session
from nanoscape.workflow.sources import add_file
from nanoscape.workflow.store import load_object, save_object


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A slide that lies turned at some place, and outlines drawn on it."""
    study = Study(tmp_path)
    place = Affine(np.array([[0, 0.5, 70], [-0.25, 0, 9], [0, 0, 1.0]]), "yx", "yx")
    slide = Image.from_array(np.zeros((8, 9)), "yx", grid_to_space=place, name="slide")
    write(slide, tmp_path / "slide.ome.zarr")
    ring = [[3, 2], [7, 2], [7, 7], [3, 7], [3, 2]]
    content = {"type": "Polygon", "coordinates": [ring]}
    (tmp_path / "drawn.geojson").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "points.pts").write_text("point\n1\n3 2\n", encoding="ascii")
    add_file(study, tmp_path / "slide.ome.zarr", ident="slide")
    for name in ("drawn.geojson", "points.pts"):
        tags = Tags.of("sheet", drawn_on="slide")
        add_file(study, tmp_path / name, ident=name.partition(".")[0], tags=tags)
    return study


def test_outlines_lie_on_the_image_they_were_drawn_on(study: Study) -> None:
    session = Session(study)
    regions, slide = session["drawn"], session["slide"]
    pixels = slide.grid_to_space.inverse().apply(regions.polygons[0])
    np.testing.assert_allclose(pixels[0], [1.5, 2.5])
    assert regions.space == "slide"
    assert "pixel_size_um" not in regions.tags


def test_a_length_without_its_unit_is_not_taken_for_pixels(study: Study) -> None:
    with pytest.raises(MissingCalibration):
        Session(study)["points"]


def test_outlines_on_what_is_no_image_are_asked_about(study: Study) -> None:
    source = study.sources.pop("drawn")
    tags = Tags.of("sheet", drawn_on="points")
    add_file(study, study.path_of(source), ident="drawn", tags=tags)
    with pytest.raises(MissingCalibration):
        Session(study)["drawn"]


def test_outlines_are_kept_with_the_study(tmp_path: Path) -> None:
    corners = np.random.default_rng(0).normal(0, 9, (2, 5, 2))
    regions = Regions(
        polygons=tuple(corners),
        holes=((corners[1] / 3, corners[0] / 7), ()),
        names=("a", "b"),
        axes="yx",
        space="slide",
        name="areas",
        table=pd.DataFrame({"classification": ["T", None], "score": [0.1, 2.0]}),
        tags=Tags.of("user", role="Tissue"),
    )
    save_object(tmp_path / "areas", regions)
    found = load_object(tmp_path / "areas", "regions")
    for own, other in zip(found.polygons, regions.polygons, strict=True):
        np.testing.assert_array_equal(own, other)
    assert [len(rings) for rings in found.holes] == [2, 0]
    np.testing.assert_array_equal(found.holes[0][1], corners[0] / 7)
    pd.testing.assert_frame_equal(found.table, regions.table)
    assert (found.names, found.space, found.name) == (("a", "b"), "slide", "areas")
    assert found.tags.tags == regions.tags.tags


def test_labels_of_a_study_keep_their_table(tmp_path: Path) -> None:
    table = pd.DataFrame({"index": [1], "name": ["necrosis"], "area_um2": [0.25]})
    labels = Labels.from_array(
        np.eye(3, dtype=np.int32), "yx", spacing=0.5, name="areas", table=table
    )
    save_object(tmp_path / "areas", labels)
    found = load_object(tmp_path / "areas", "labels")
    pd.testing.assert_frame_equal(found.table, table)
