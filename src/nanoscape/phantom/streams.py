"""Where the phantom's random numbers come from.

Everything random is drawn either from a stream named by what it is for, or from
a hash of a place on a fixed lattice. Neither depends on how an image is cut.
"""

from __future__ import annotations

import numba
import numpy as np

VESSELS, SHAPE, PERFUSION, NOISE, WARP, CLICKS, SPECTRA, VOLUMES, TEXTURE, CHECKS = (
    range(10)
)
TUMOUR_SHAPE, TUMOUR_NETWORK, TUMOUR_TISSUE, TUMOUR_SECTION = range(300, 304)
COHORT, INSTRUMENT, TUMOUR_CONTROL = 310, 311, 312


def sub_seed(seed: int, *place: int) -> int:
    """Return the seed of a part, independent of that of every other part.

    Parameters
    ----------
    seed
        Seed of the whole.
    place
        Which part: the subject and section, or one of this module's purposes.
    """
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=place)
    # 62 bits: the number stays positive and exact in every integer type.
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(2))


@numba.njit(nogil=True, cache=True, inline="always")
def hash_unit(seed: int, row: int, column: int) -> float:
    """Return a number in [0, 1) that depends on a seed and a lattice place only.

    The finaliser of splitmix64 (Steele et al. 2014, doi:10.1145/2714064.2660195).
    """
    state = np.uint64(seed)
    state += np.uint64(row + 2**31) * np.uint64(0x9E3779B97F4A7C15)
    state ^= state >> np.uint64(30)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state += np.uint64(column + 2**31) * np.uint64(0xD1B54A32D192ED03)
    state ^= state >> np.uint64(27)
    state *= np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(29)
    return float(state >> np.uint64(11)) * 1.1102230246251565e-16
