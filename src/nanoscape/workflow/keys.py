"""Keys under which results are kept: the same work has the same key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from nanoscape.model import Edge, Landmarks, Source
from nanoscape.workflow.plain import to_plain


def source_key(source: Source, address: str) -> str:
    """Return the key of one object of a file."""
    laser = (source.scan_speed_um_per_s, source.spot_size_um)
    # Most files know of none of these, and keep the key that they always had.
    extra: list[Any] = [] if laser == (None, None) else [laser]
    extra += [source.format] if source.format else []
    extra += ["resample"] if source.resample else []
    return _hash("source", source.digest, address, source.pixel_size_um, *extra)


def landmarks_key(landmarks: Landmarks) -> str:
    """Return the key of clicked landmarks, by their content."""
    return _hash(
        "landmarks",
        landmarks.moving.tolist(),
        landmarks.fixed.tolist(),
        landmarks.moving_space,
        landmarks.fixed_space,
        landmarks.click_error_um,
    )


def result_key(
    operation: str,
    version: int,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, list[str]],
) -> str:
    """Return the key of a result.

    Parameters
    ----------
    operation, version
        What was run.
    parameters
        All parameters.
    inputs
        Keys of the objects that went in, by input.
    """
    plain = {name: to_plain(value) for name, value in parameters.items()}
    return _hash("result", operation, version, plain, dict(inputs))


def output_key(result: str, output: str) -> str:
    """Return the key of one output of a result."""
    return _hash("output", result, output)


def placed_key(key: str, edges: list[Edge]) -> str:
    """Return the key of an object that was moved into another space."""
    if not edges:
        return key
    moves = [
        (
            e.moving,
            e.fixed,
            np.asarray(e.transform.matrix).tolist(),
            e.quality.expected_error_um,
        )
        for e in edges
    ]
    return _hash("placed", key, moves)


def _hash(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
