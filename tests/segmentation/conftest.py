from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage


def band(shape, centre, width):
    """Pixels of a level band, edges between pixels."""
    y = np.arange(shape[0])[:, None] - centre
    return np.broadcast_to(np.abs(y) < width / 2, shape)


@pytest.fixture(scope="session")
def field():
    """Winding vessels 6, 14 and 30 µm wide on uneven ground, 1 µm pixels."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:300, :340].astype(float)
    truth = np.zeros(y.shape, int)
    for number, (row, width) in enumerate([(50, 6), (120, 14), (220, 30)], start=1):
        path = row + 12 * np.sin(x / 40 + number)
        slope = 12 / 40 * np.cos(x / 40 + number)
        truth[np.abs(y - path) / np.hypot(1, slope) <= width / 2] = number
    clean = 60 + 40 * np.sin(x / 90) * np.cos(y / 110) + 45 * (truth > 0)
    clean = ndimage.gaussian_filter(clean, 0.8)
    return rng.poisson(clean).astype(np.uint16), truth
