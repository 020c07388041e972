"""An image: a sampled quantity in a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from nanoscape.errors import WrongInput
from nanoscape.model.raster import Raster, grid_affine, single_level
from nanoscape.model.tags import Tags
from nanoscape.model.transform import Affine
from nanoscape.units import ARBITRARY


@dataclass(frozen=True)
class Quantity:
    """What the samples measure.

    Attributes
    ----------
    name
        Such as ``"intensity"`` or ``"activity concentration"``.
    unit
        Such as ``"Bq/mL"``; ``"a.u."`` when the scale means nothing.
    """

    name: str = "intensity"
    unit: str = ARBITRARY

    def __str__(self) -> str:
        return f"{self.name} ({self.unit})"


@dataclass(frozen=True, eq=False, kw_only=True)
class Image(Raster):
    """A sampled quantity in a place.

    Samples that were not measured are NaN.

    Attributes
    ----------
    quantity
        What is measured, with its unit.
    rgb
        Whether a trailing axis of three or four colour samples follows ``axes``.
    """

    kind: ClassVar[str] = "image"

    quantity: Quantity = Quantity()
    rgb: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rgb and self.data.shape[-1] not in (3, 4):
            raise WrongInput(
                f"{self.name} has {self.data.shape[-1]} colour samples", "3 or 4"
            )

    @property
    def _sample_axes(self) -> int:
        return int(self.rgb)

    @classmethod
    def from_array(
        cls,
        data: Any,
        axes: str,
        *,
        spacing: Mapping[str, float] | Sequence[float] | float | None = None,
        grid_to_space: Affine | None = None,
        space: str = "world",
        name: str = "image",
        quantity: Quantity | None = None,
        tags: Tags | None = None,
        times: Sequence[float] | None = None,
        rgb: bool = False,
    ) -> Image:
        """Make an image of one level from an array.

        Parameters
        ----------
        data
            A numpy or dask array.
        axes
            Its axes, such as ``"zyx"``.
        spacing
            Distance of pixel centres in µm: by spatial axis, in order, or one
            number for all. Either this or ``grid_to_space``.
        grid_to_space
            The full transform in µm.
        space, name, quantity, tags, times, rgb
            See the attributes of the class.

        Examples
        --------
        >>> import numpy as np
        >>> Image.from_array(np.zeros((4, 5)), "yx", spacing=0.5).spacing
        {'y': 0.5, 'x': 0.5}
        """
        spatial = "".join(axis for axis in axes if axis != "t")
        return cls(
            levels=single_level(data, spatial),
            axes=axes,
            grid_to_space=grid_affine(spatial, spacing, grid_to_space, name),
            space=space,
            name=name,
            quantity=quantity or Quantity(),
            tags=tags or Tags(),
            times=None if times is None else tuple(times),
            rgb=rgb,
        )
