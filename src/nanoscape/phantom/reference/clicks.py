"""Landmarks between the sections of one cut through a tumour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.specimen import Specimen
from nanoscape.phantom.streams import CLICKS

PAIRS = 8

_CANDIDATES = 400

FloatArray = NDArray[np.float64]


def landmark_places(moving: Specimen, fixed: Specimen) -> tuple[FloatArray, FloatArray]:
    """Return places on two slides that lay one above the other, spread over them.

    The sections are some micrometres apart; what lies at the same height and width
    of the block counts as the same place. The first pair is drawn; each other is the
    one of many that lies farthest from those taken.

    Returns
    -------
    moving, fixed
        ``(y, x)`` in µm on each slide, shape ``(8, 2)``.
    """
    generator = np.random.default_rng(moving.stream(CLICKS))
    size = np.array(fixed.size_um)
    places = generator.uniform(0.05, 0.95, (_CANDIDATES, 2)) * size
    on = [s.mounted.to_slide(places) for s in (moving, fixed)]
    finite = np.isfinite(np.hstack(on)).all(axis=1)
    on = [np.ascontiguousarray(there[finite]) for there in on]
    usable = (moving.tissue(on[0]) > 0) & (fixed.tissue(on[1]) > 0)
    a, b = on[0][usable], on[1][usable]
    taken = [0]
    while len(taken) < min(PAIRS, len(b)):
        away = np.linalg.norm(b[:, None] - b[taken][None], axis=2)
        taken.append(int(away.min(axis=1).argmax()))
    return a[taken], b[taken]
