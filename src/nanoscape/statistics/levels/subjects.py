"""One value for each subject, whatever was measured of it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from nanoscape.errors import WrongInput


def subject_means(frame: pd.DataFrame, levels: Sequence[str]) -> pd.DataFrame:
    """Return the mean of each subject, step by step from the lowest level.

    Sections count alike within a lesion and lesions within a subject, however many
    values each gave.

    Parameters
    ----------
    frame
        The columns ``value``, ``group`` and the levels.
    levels
        Of which the first is the subject.

    Returns
    -------
    DataFrame
        Group, subject, ``mean``, ``n_values``, and the number of groups of each lower
        level.

    Raises
    ------
    WrongInput
        If a subject lies in two groups.
    """
    subject, *lower = [level for level in levels if level in frame]
    groups = frame.groupby(subject)["group"].nunique()
    if (groups > 1).any():
        raise WrongInput(
            f"the subject {groups.index[groups > 1][0]} lies in several groups",
            "each subject in one group",
            "check the sheet of the study",
        )
    means = frame
    for depth in range(len(lower), -1, -1):
        path = ["group", subject, *lower[:depth]]
        means = means.groupby(path)["value"].mean().reset_index()
    found = means.rename(columns={"value": "mean", subject: "subject"})
    by_subject = frame.groupby(["group", subject])
    found["n_values"] = by_subject["value"].size().to_numpy()
    for depth, level in enumerate(lower):
        each = frame[["group", subject, *lower[: depth + 1]]].drop_duplicates()
        counts = each.groupby(["group", subject]).size()
        found[f"n_{level}s"] = counts.to_numpy()
    return found
