"""Imported outlines in the window: holes, colours and classes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from napari.components import ViewerModel

from nanoscape._napari.state import ViewerState
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
