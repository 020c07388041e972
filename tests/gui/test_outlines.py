"""Imported outlines in the window: holes, colours and classes."""

from __future__ import annotations

from pathlib import Path

import napari
import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Points as PointsLayer

from nanoscape import io
from nanoscape._napari.state import ViewerState
from nanoscape._napari.writers import write_drawn
from nanoscape.compute.resample import rasterise
from nanoscape.model import Image, Regions


def test_outlines_keep_holes_and_classes_when_they_are_edited(
    viewer: ViewerModel, state: ViewerState
) -> None:
    unit = np.array([[0.0, 0], [0, 1], [1, 1], [1, 0]])
    regions = Regions(
        polygons=(unit * 20, unit * 5 + 30),
        holes=((unit * 6 + 5,), ()),
        names=("rim", "core"),
        axes="yx",
        space="slide",
        name="Tumour",
        table=pd.DataFrame({"classification": ["T", "N"], "color": ["#0000ff", None]}),
    )
    like = Image.from_array(np.zeros((50, 50)), "yx", spacing=1.0, space="slide")
    state.show([state.session.add(like)])
    (layer,) = state.show([state.session.add(regions)])
    np.testing.assert_allclose(layer.edge_color[0], [0, 0, 1, 1])
    assert layer.features["classification"].tolist() == ["T", "N"]
    moved = [data + 1.0 for data in layer.data]
    layer.data = moved
    (address,) = state.settle()
    edited = state.session[address]
    assert edited.name == "Tumour (edited)"
    assert edited.table["classification"].tolist() == ["T", "N"]
    before = rasterise(regions, like).compute()
    after = rasterise(edited, like).compute()
    np.testing.assert_array_equal(after[1:, 1:], before[:-1, :-1])


def test_points_are_written_in_micrometres_or_not_at_all(tmp_path: Path) -> None:
    layer = PointsLayer(
        [[1, 2], [3, 4]],
        scale=(0.5, 0.5),
        units=("um", "um"),
        name="clicks",
        features={"label": ["a", "b"]},
    )
    data, meta, _ = layer.as_layer_data_tuple()
    path = str(tmp_path / "p.parquet")
    assert write_drawn(path, data, meta) == [path]
    (found,) = io.read(path)
    np.testing.assert_array_equal(found.coordinates, [[0.5, 1], [1.5, 2]])
    assert found.table["label"].tolist() == ["a", "b"]
    other = str(tmp_path / "q.parquet")
    assert write_drawn(other, data, meta | {"units": ("pixel", "pixel")}) == []
    assert not Path(other).exists()


def test_outlines_are_written_in_the_pixels_of_the_image_below(
    viewer: ViewerModel,
    state: ViewerState,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    corners = np.array([[0.0, 0], [0, 4], [4, 4]])
    regions = Regions(
        polygons=(corners,), names=("rim",), axes="yx", space="slide", name="R"
    )
    like = Image.from_array(np.zeros((9, 9)), "yx", spacing=0.5, space="slide")
    state.show([state.session.add(like)])
    (layer,) = state.show([state.session.add(regions)])
    data, meta, _ = layer.as_layer_data_tuple()
    path = tmp_path / "r.geojson"
    assert write_drawn(str(path), data, meta) == [str(path)]
    assert "[8.5, 0.5]" in path.read_text("utf-8")
    (found,) = io.read(path)
    np.testing.assert_allclose(found.polygons[0], corners)
    assert found.space == "slide"
