"""What a user should read before accepting an alignment by landmarks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nanoscape.model import Affine, Landmarks
from nanoscape.registration.click_order import ClickOrder, describe_cycles
from nanoscape.registration.linear_fit import Model, fit

_SCALE_LIMIT = 0.15
_NEARLY_A_LINE = 0.1


def landmark_warnings(
    landmarks: Landmarks,
    model: Model,
    found: ClickOrder,
    transform: Affine,
    allow_mirror: bool,
) -> list[str]:
    """Return a sentence for each thing that looks wrong.

    Parameters
    ----------
    landmarks
        The pairs, as clicked.
    model, transform
        The map that was fitted to them.
    found
        The order and handedness in which they fit far better.
    allow_mirror
        Whether the user expects a mirrored section.
    """
    warnings = _exchanged(landmarks, found, transform)
    free: Model = "similarity" if model == "rigid" and len(landmarks) > 2 else model
    linear, _ = fit(
        landmarks.moving, landmarks.fixed[found.order], free, mirror=found.mirrored
    )
    if np.linalg.det(linear) < 0 and not allow_mirror:
        warnings.append(_mirrored(landmarks, transform))
    stretches = np.linalg.svd(linear, compute_uv=False)
    worst = stretches[np.argmax(np.abs(np.log(np.maximum(stretches, 1e-12))))]
    if not 1 / (1 + _SCALE_LIMIT) <= worst <= 1 + _SCALE_LIMIT:
        warnings.append(
            f"A length of 100 µm in {landmarks.moving_space} becomes "
            f"{100 * worst:.0f} µm in {landmarks.fixed_space}: check the pixel sizes "
            "of both images and the order of the clicks."
        )
    centred = landmarks.moving - landmarks.moving.mean(axis=0)
    spread = np.linalg.svd(centred, compute_uv=False)
    if len(landmarks) > 2 and spread[-1] < _NEARLY_A_LINE * spread[0]:
        shape = "a line" if len(spread) == 2 else "a plane"
        warnings.append(
            f"The landmarks lie nearly on {shape}; beside it the error is larger than "
            "stated."
        )
    return warnings


def outlier_warnings(errors: pd.DataFrame) -> list[str]:
    """Return a sentence that names the outliers of a table of landmark errors."""
    names = [str(name) for name in errors.loc[errors["outlier"], "landmark"]]
    if not names:
        return []
    listed = ", ".join(names[:-1]) + f" and {names[-1]}" if names[1:] else names[0]
    verb = "fit" if names[1:] else "fits"
    return [
        f"{listed} {verb} far worse than the other landmarks: check whether the place "
        "is the same in both images."
    ]


def _exchanged(landmarks: Landmarks, found: ClickOrder, transform: Affine) -> list[str]:
    if not found.exchanged:
        return []
    misses = landmarks.fixed - transform.apply(landmarks.moving)
    before = np.sqrt((misses * misses).sum() / len(landmarks))
    after = np.sqrt(found.squares / len(landmarks))
    words = describe_cycles(found.order.tolist(), landmarks.names)
    return [
        f"{words}: in the right order the landmarks would miss each other by "
        f"{_micrometres(after)} instead of {_micrometres(before)}."
    ]


def _mirrored(landmarks: Landmarks, transform: Affine) -> str:
    spaces = f"{landmarks.moving_space} and {landmarks.fixed_space}"
    if transform.mirrors:
        return (
            "The landmarks look mirrored: the transform exchanges left and right "
            f"between {spaces}. Accept it only if the section lies face down in one "
            "of them; otherwise check the order of the clicks."
        )
    return (
        "The landmarks look mirrored: they fit far better when left and right are "
        f"exchanged between {spaces}. Allow that if the section lies face down in "
        "one of them; otherwise check the order of the clicks."
    )


def _micrometres(value: float) -> str:
    return f"{value:.3g} µm" if value < 1000 else f"{value:.0f} µm"
