from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
import pytest

from nanoscape.compute import Task, map_blocks
from nanoscape.model import Edge, Image, Labels, Landmarks, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.workflow import registry


def above(crop, level):
    return crop > level


@operation(version=2, role="Vessels")
def threshold(
    image: Annotated[Image, Role("Vessels")],
    *,
    level: Annotated[float, Option(unit="a.u.")] = 0.5,
    task: Task | None = None,
) -> Labels:
    """Mark what is bright."""
    mask = map_blocks(above, [image.data], dtype="i4", arguments=(level,), task=task)
    return Labels.from_array(
        mask, image.axes, grid_to_space=image.grid_to_space, space=image.space,
        name=f"Bright ({image.name})",
    )  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Numbers.

    Attributes
    ----------
    summary
        The area.
    """

    summary: Table


@operation(version=1)
def area(mask: Annotated[Labels, Role("Vessels")]) -> Measured:
    """Measure the area of a mask."""
    pixel = np.prod(list(mask.spacing.values()))
    total = float((mask.data > 0).sum().compute() * pixel)
    return Measured(Table(data=pd.DataFrame({"area_um2": [total]}), name="Area"))


@operation(version=1)
def mean_of(table: Table) -> Table:
    """Average a table of areas."""
    mean = table.data["area_um2"].mean()
    frame = pd.DataFrame({"mean_um2": [mean], "n": [len(table.data)]})
    return Table(data=frame, name="Mean")


@operation(version=1)
def shift(landmarks: Landmarks) -> Edge:
    """Fit a shift."""
    from nanoscape.model import Affine, Quality

    moved = (landmarks.fixed - landmarks.moving).mean(axis=0)
    return Edge(
        moving=landmarks.moving_space,
        fixed=landmarks.fixed_space,
        transform=Affine.from_linear(np.eye(2), moved, "yx"),
        quality=Quality("shift", expected_error_um=3.0),
    )


@operation(version=1)
def where(image: Image, other: Image) -> Table:
    """Tell where two images lie."""
    frame = pd.DataFrame(
        {
            "image_y_um": [image.grid_to_space.shift[0]],
            "other_y_um": [other.grid_to_space.shift[0]],
            "error_um": [image.tags.get("registration_error_um", 0.0)],
        }
    )
    return Table(data=frame, name="Where")


@pytest.fixture
def operations(monkeypatch):
    """Small operations in place of the rooms' own ones."""
    module = types.ModuleType("fake_operations")
    for function in (threshold, area, mean_of, shift, where):
        setattr(module, function.__name__, function)
        # An exported script imports a function from where it is defined.
    monkeypatch.setitem(sys.modules, "fake_operations", module)
    table = {
        name: f"fake_operations:{name}"
        for name in ("threshold", "area", "mean_of", "shift", "where")
    }
    monkeypatch.setattr(
        registry, "_table", lambda room: table if room == "statistics" else {}
    )
    registry.operation_names.cache_clear()
    registry.resolve.cache_clear()
    yield
    registry.operation_names.cache_clear()
    registry.resolve.cache_clear()
