"""Small operations with every kind of parameter, for forms and panels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd

from nanoscape.compute import Task
from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Labels, Table
from nanoscape.operation import Option, Role, operation


@dataclass(frozen=True)
class Detail:
    """Finer settings.

    Attributes
    ----------
    rounds
        How often. A larger value takes longer.
    weight
        How strongly.
    """

    rounds: int = 2
    weight: Annotated[float | None, Option(unit="s")] = None


@operation(version=1, role="Vessels")
def everything(
    image: Annotated[Image, Role("Vessels")],
    others: list[Image],
    outlines: Annotated[Labels | None, Role("Necrosis")] = None,
    exclude: Annotated[
        list[Labels | Image] | None, Role("Exclude", also=("Hypoxia",))
    ] = None,
    *,
    flag: bool = True,
    count: Annotated[int, Option(minimum=1, maximum=9)] = 3,
    length: Annotated[
        float, Option(unit="µm", minimum=0.001, label="Smallest length")
    ] = 12.5,
    share: Annotated[float, Option(minimum=0, maximum=1, step=0.05)] = 0.5,
    word: str = "vessel",
    choice: Literal["bright", "dark"] = "bright",
    span: Annotated[tuple[float, float], Option(unit="µm", minimum=0)] = (5.0, 40.0),
    spacing: Annotated[
        float | None, Option(unit="µm", minimum=0.1, advanced=True)
    ] = None,
    detail: Annotated[Detail, Option(advanced=True)] = Detail(),
) -> Labels:
    """Take everything that a form can show.

    Parameters
    ----------
    length
        Pieces shorter than this are left out. A larger value removes more.
    """
    return bright_places(image, threshold=length)


@operation(version=1, title="Bright places", role="Vessels")
def bright_places(
    image: Annotated[Image, Role("Vessels")],
    *,
    threshold: Annotated[float, Option(minimum=0)] = 0.5,
    task: Task | None = None,
) -> Labels:
    """Number what is bright.

    Parameters
    ----------
    threshold
        From which value a pixel is bright. A larger value finds less.
    """
    (task or Task()).step(1, 2, "looking for bright places")
    if threshold > 1e6:
        raise CannotCompute("nothing is that bright", todo="lower the threshold")
    data = (np.asarray(image.data) > threshold).astype(np.int32)
    return Labels.from_array(
        data,
        image.axes,
        grid_to_space=image.grid_to_space,
        space=image.space,
        name=f"bright places of {image.name}",
        table=pd.DataFrame({"index": [1], "area_um2": [float(data.sum())]}),
    )


@operation(version=1, title="Count")
def count_pixels(labels: Annotated[Labels, Role("Vessels")]) -> Table:
    """Count the pixels of objects."""
    total = int((np.asarray(labels.data) > 0).sum())
    return Table(
        data=pd.DataFrame({"pixels": [total], "size_um2": [total * 0.25]}),
        name="count",
        notes=("Pixels of any object.",),
    )


@operation(version=1)
def slow(
    image: Annotated[Image, Role("Vessels")], *, task: Task | None = None
) -> Table:
    """Take a long time."""
    task = task or Task()
    for i in range(600):
        task.step(i, 600, "waiting")
        time.sleep(0.05)
    return Table(data=pd.DataFrame({"n": [1]}), name="slow")


@operation(version=1)
def broken(image: Annotated[Image, Role("Vessels")]) -> Table:
    """Stop because of a fault."""
    return Table(data=pd.DataFrame({"n": [1 // 0]}), name="broken")
