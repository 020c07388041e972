"""How a substance falls off around perfused vessels.

The law here is made for testing estimators: an exponential of the distance to the
wall of the nearest perfused vessel, with an offset. It is not what diffusion and
uptake give around a cylinder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.texture import smooth_noise, smooth_noise_at

Dependence = Literal["vessels", "none"]
LAWS = {
    "vessels": "nearest-vessel exponential",
    "none": "independent of vessels",
}

_GRAINS_UM = (45.0, 110.0)


@dataclass(frozen=True)
class Law:
    """Concentration in tissue, C(d) = offset + excess · exp(−d/λ).

    Attributes
    ----------
    name
        A value of :data:`LAWS`.
    decay_length_um
        λ, in µm.
    excess
        Concentration at the wall above the offset.
    offset
        Concentration far from all vessels.
    seed
        Names the texture of a substance that is independent of vessels.
    """

    name: str
    decay_length_um: float
    excess: float
    offset: float
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; no decay length where there is none."""
        near = self.name == LAWS["vessels"]
        return {
            "law": self.name,
            "decay_length_um": self.decay_length_um if near else None,
            "excess": self.excess if near else None,
            "offset": self.offset if near else None,
        }

    def on_grid(
        self,
        distance_um: NDArray[np.floating],
        y_um: NDArray[np.float64],
        x_um: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the concentration on a grid, given its wall distances."""
        if self.name == LAWS["vessels"]:
            return self._decay(distance_um)
        return self._patches(
            [
                smooth_noise(self.seed + i, y_um, x_um, grain)
                for i, grain in enumerate(_GRAINS_UM)
            ]
        )

    def at(
        self, distance_um: NDArray[np.floating], points_um: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the concentration at places, given their wall distances."""
        if self.name == LAWS["vessels"]:
            return self._decay(distance_um)
        return self._patches(
            [
                smooth_noise_at(self.seed + i, points_um, grain)
                for i, grain in enumerate(_GRAINS_UM)
            ]
        )

    def _decay(self, distance_um: NDArray[np.floating]) -> NDArray[np.float64]:
        outside = np.maximum(distance_um, 0).astype(np.float64)
        decay: NDArray[np.float64] = np.exp(-outside / self.decay_length_um)
        return self.offset + self.excess * decay

    def _patches(self, fields: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        level = self.offset + 0.4 * self.excess
        mixed = (fields[0] + fields[1]) / np.sqrt(2)
        return level * np.maximum(1 + 0.3 * mixed, 0.0)
