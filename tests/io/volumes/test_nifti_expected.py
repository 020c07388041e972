"""NIfTI files of small phantoms whose content is known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from nanoscape.io import read
from nanoscape.model import Image

PHANTOMS = (
    "ct/ibsi_digital_phantom/image/phantom.nii.gz",
    "ct/ibsi_digital_phantom/mask/mask.nii.gz",
)
DYNAMIC = "mri/dce_synth/dce.nii.gz"


@pytest.mark.parametrize("name", PHANTOMS)
def test_the_digital_phantom_equals_the_reference(name: str, shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[name]
    (image,) = read(shared_data / name)
    assert isinstance(image, Image)
    values = image.data.compute()
    assert list(values.shape) == truth["shape"]
    assert values.dtype == truth["disk_dtype"]
    assert values.sum(dtype=np.float64) == truth["sum"]
    assert (values.min(), values.max()) == (truth["min"], truth["max"])
    for where, value in truth["probe"].items():
        assert values[tuple(int(n) for n in re.findall(r"\d+", where))] == value
    assert image.spacing == pytest.approx(dict.fromkeys("zyx", 2000.0))
    # Its axes run to left, posterior and superior, as ours do.
    assert truth["axcodes"] == "LPS"
    np.testing.assert_allclose(image.grid_to_space.matrix, np.diag([2e3, 2e3, 2e3, 1]))


def test_the_dynamic_phantom_equals_its_truth(shared_data: Path) -> None:
    truth = json.loads((shared_data / "EXPECTED.json").read_text("utf-8"))[DYNAMIC]
    (image,) = read(shared_data / DYNAMIC)
    assert isinstance(image, Image)
    values = image.data.compute()
    assert list(values.shape[::-1]) == truth["shape"]
    assert values.dtype == truth["dtype"]
    assert values.sum(dtype=np.float64) == pytest.approx(truth["sum"], rel=1e-6)
    assert values.min() == pytest.approx(truth["min"])
    assert values.max() == pytest.approx(truth["max"])
    x, y, z, t = truth["zooms"]
    assert image.spacing == pytest.approx({"x": x * 1e3, "y": y * 1e3, "z": z * 1e3})
    assert image.times is not None
    assert np.diff(image.times) == pytest.approx(t)
