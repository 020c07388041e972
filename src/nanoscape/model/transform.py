"""Affine maps that know which axes they join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nanoscape.errors import WrongInput

SPATIAL_AXES = "zyx"
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Affine:
    """An affine map between two sets of named spatial axes.

    Attributes
    ----------
    matrix
        Homogeneous matrix of shape ``(len(output_axes) + 1, len(input_axes) + 1)``;
        rows and columns follow the order of the axes.
    input_axes, output_axes
        Spatial axes in the order ``zyx``, such as ``"zyx"`` or ``"yx"``.
    """

    matrix: FloatArray
    input_axes: str
    output_axes: str

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        shape = (len(self.output_axes) + 1, len(self.input_axes) + 1)
        if matrix.shape != shape:
            raise WrongInput(
                f"a matrix of shape {matrix.shape} for the axes "
                f"{self.input_axes} → {self.output_axes}",
                f"shape {shape}",
            )
        if not np.isfinite(matrix).all():
            raise WrongInput("a transform holds values that are not finite")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def identity(cls, axes: str) -> Affine:
        """Return the map that moves nothing."""
        return cls(np.eye(len(axes) + 1), axes, axes)

    @classmethod
    def from_spacing(
        cls,
        axes: str,
        spacing: Mapping[str, float] | Sequence[float] | float,
        origin: Mapping[str, float] | Sequence[float] | None = None,
    ) -> Affine:
        """Return the map of a grid that lies along the axes of its space.

        Parameters
        ----------
        axes
            Spatial axes, such as ``"yx"``.
        spacing
            Distance of neighbouring pixel centres in µm: by axis, in order of
            the axes, or one number for all.
        origin
            Place of the first pixel's centre in µm; zero by default.
        """
        matrix = np.eye(len(axes) + 1)
        matrix[range(len(axes)), range(len(axes))] = _by_axis(axes, spacing)
        if origin is not None:
            matrix[:-1, -1] = _by_axis(axes, origin)
        return cls(matrix, axes, axes)

    @classmethod
    def from_linear(cls, linear: ArrayLike, shift: ArrayLike, axes: str) -> Affine:
        """Return ``x → linear · x + shift`` within one set of axes."""
        matrix = np.eye(len(axes) + 1)
        matrix[:-1, :-1] = linear
        matrix[:-1, -1] = shift
        return cls(matrix, axes, axes)

    @property
    def linear(self) -> FloatArray:
        """The part without the shift, shape ``(outputs, inputs)``."""
        return self.matrix[:-1, :-1]

    @property
    def shift(self) -> FloatArray:
        """The shift in µm, by output axis."""
        return self.matrix[:-1, -1]

    @property
    def spacing(self) -> dict[str, float]:
        """Length in the output space of one step along each input axis, in µm."""
        lengths = np.linalg.norm(self.linear, axis=0)
        return dict(zip(self.input_axes, lengths.tolist(), strict=True))

    @property
    def mirrors(self) -> bool:
        """Whether left and right are exchanged; ``False`` between other dimensions."""
        square = len(self.input_axes) == len(self.output_axes)
        return bool(square and np.linalg.det(self.linear) < 0)

    @property
    def is_axis_aligned(self) -> bool:
        """Whether every grid axis runs along its own space axis, forwards."""
        if self.input_axes != self.output_axes:
            return False
        diagonal = np.diagonal(self.linear)
        rest = self.linear - np.diag(diagonal)
        tolerance = 1e-9 * float(np.abs(diagonal).max())
        return bool((diagonal > 0).all() and np.abs(rest).max() <= tolerance)

    def apply(self, points: ArrayLike) -> FloatArray:
        """Map points of shape ``(n, inputs)`` to ``(n, outputs)``."""
        coordinates = np.asarray(points, dtype=np.float64)
        mapped: FloatArray = coordinates @ self.linear.T + self.shift
        return mapped

    def then(self, following: Affine) -> Affine:
        """Return this map followed by another."""
        if self.output_axes != following.input_axes:
            raise WrongInput(
                f"a transform into the axes {self.output_axes} is followed by one "
                f"from {following.input_axes}"
            )
        matrix = following.matrix @ self.matrix
        return Affine(matrix, self.input_axes, following.output_axes)

    def inverse(self) -> Affine:
        """Return the map back.

        Raises
        ------
        WrongInput
            If it has none: the map flattens space or changes its dimension.
        """
        if len(self.input_axes) != len(self.output_axes):
            raise WrongInput(
                f"a transform {self.input_axes} → {self.output_axes} cannot be inverted"
            )
        # The rank of a grid with a spacing of 1e-3 must not be called deficient.
        scaled = self.linear / np.maximum(np.linalg.norm(self.linear, axis=0), 1e-300)
        if np.linalg.matrix_rank(scaled) < len(scaled):
            raise WrongInput("a transform that flattens space cannot be inverted")
        matrix = np.linalg.inv(self.matrix).astype(np.float64)
        return Affine(matrix, self.output_axes, self.input_axes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for YAML or JSON."""
        return {
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
            "matrix": self.matrix.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Affine:
        """Rebuild what :meth:`to_dict` returned."""
        return cls(
            np.asarray(values["matrix"], dtype=np.float64),
            str(values["input_axes"]),
            str(values["output_axes"]),
        )


def _by_axis(
    axes: str, values: Mapping[str, float] | Sequence[float] | float
) -> list[float]:
    if isinstance(values, Mapping):
        return [float(values[axis]) for axis in axes]
    if isinstance(values, int | float):
        return [float(values)] * len(axes)
    if len(values) != len(axes):
        raise WrongInput(f"{len(values)} values for the {len(axes)} axes {axes}")
    return [float(value) for value in values]
