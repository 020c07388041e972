"""Random numbers that do not depend on how an image is cut."""

from __future__ import annotations

import numpy as np


def tile_generator(seed: int, *place: int) -> np.random.Generator:
    """Return the generator of one tile of a fixed lattice.

    Parameters
    ----------
    seed
        Seed of the whole.
    place
        What the numbers are for, such as the tile's index on the lattice; other
        places give streams that are independent.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=place)
    return np.random.Generator(np.random.Philox(sequence))
