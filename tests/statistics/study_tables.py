"""Tables of a study with known variances."""

from __future__ import annotations

import numpy as np
import pandas as pd


def study_table(
    seed: int,
    counts: tuple[int, int, int, int] = (18, 2, 2, 1),
    deviations: tuple[float, float, float, float] = (2.0, 1.0, 0.7, 0.0),
    lost: float = 0.0,
    shift: float = 0.0,
) -> pd.DataFrame:
    """Return one value for each replicate of subject, lesion and section.

    Parameters
    ----------
    seed
        Of the random numbers.
    counts
        Subjects, lesions in each, sections in each, values in each.
    deviations
        Standard deviation at each of these levels.
    lost
        Share of the values that is missing.
    shift
        Added to the second half of the subjects, which are the group ``treated``.
    """
    rng = np.random.default_rng(seed)
    index = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), axis=-1)
    value = np.full(counts, 10.0)
    for level, deviation in enumerate(deviations):
        shape = counts[: level + 1] + (1,) * (3 - level)
        value = value + rng.normal(0, deviation, shape)
    treated = index[..., 0] >= counts[0] // 2
    value = value + shift * treated
    kept = rng.random(counts) >= lost
    subject, lesion, section, _ = index[kept].T
    return pd.DataFrame(
        {
            "group": np.where(treated[kept], "treated", "control"),
            "subject": subject,
            "lesion": lesion,
            "section": section,
            "x": value[kept],
        }
    )
