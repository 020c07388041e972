"""Substances for negative controls: known not to depend on what they seem to.

Each has ``at(distance, places)``, as the laws of the flat phantom have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.streams import TUMOUR_CONTROL, sub_seed
from nanoscape.phantom.tumour.network import Network
from nanoscape.phantom.tumour.shape import Shape
from nanoscape.phantom.tumour.texture import Texture

FloatArray = NDArray[np.float64]

Control = Literal["drug independent", "independent", "trend only", "no vessels"]
"""Drug without dependence on vessels; carrier and drug without dependence on vessels
or each other; both follow the depth and nothing else; no vessels at all."""

LEVELS = {"mobile": 0.02, "carrier": 0.08, "encapsulated": 0.06, "free": 0.008}
"""Mean levels, about those that diffusion gives."""

_GRAINS_UM = (40.0, 100.0)
_DRUG = ("encapsulated", "free")


class Follows(Protocol):
    """A substance that is known at every place."""

    def at(self, distance_um: FloatArray, points_um: FloatArray) -> FloatArray:
        """Return its level at places, given their wall distances."""


@dataclass(frozen=True, eq=False)
class Patches:
    """Smooth patches that know nothing of vessels.

    Attributes
    ----------
    level
        Its mean.
    textures
        Of small and of large grain.
    """

    level: float
    textures: tuple[Texture, ...]

    def at(self, _distance_um: FloatArray, points_um: FloatArray) -> FloatArray:
        """Return the level at places ``(n, 3)``."""
        mixed = sum((t.at(points_um) for t in self.textures), np.zeros(len(points_um)))
        mixed /= np.sqrt(len(self.textures))
        return self.level * np.maximum(1 + 0.35 * mixed, 0.0)


@dataclass(frozen=True, eq=False)
class Trend:
    """A fall from rim to core with patches of its own.

    Attributes
    ----------
    patches
        What remains where the trend is taken away.
    shape
        For the depth.
    """

    patches: Patches
    shape: Shape

    def at(self, distance_um: FloatArray, points_um: FloatArray) -> FloatArray:
        """Return the level at places ``(n, 3)``."""
        s = np.clip(self.shape.relative_depth(points_um), 0.0, 1.0)
        return (1.6 - 1.4 * s) * self.patches.at(distance_um, points_um)


def controlled(control: Control, seed: int, shape: Shape) -> dict[str, Follows]:
    """Return the substances of a control.

    Encapsulated and free drug share their patches, and so do mobile and all carriers.
    """
    carrier, drug = (_textures(seed, number) for number in (0, 1))
    found: dict[str, Follows] = {}
    for name, level in LEVELS.items():
        if control == "drug independent" and name not in _DRUG:
            continue
        patches = Patches(level, drug if name in _DRUG else carrier)
        found[name] = Trend(patches, shape) if control == "trend only" else patches
    return found


def no_network() -> Network:
    """Return a network without vessels."""
    none = np.zeros(0, bool)
    return Network(
        np.zeros((0, 7)),
        np.zeros(0, np.int64),
        np.zeros((0, 2), np.int64),
        none,
        none,
        np.zeros(0),
    )


def _textures(seed: int, number: int) -> tuple[Texture, ...]:
    generator = np.random.default_rng(sub_seed(seed, TUMOUR_CONTROL, number))
    return tuple(Texture.draw(generator, grain) for grain in _GRAINS_UM)
