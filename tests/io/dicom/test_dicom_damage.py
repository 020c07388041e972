"""Damaged DICOM files give their samples or one error, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_copies
from dicom_files import KINDS, small_object

from nanoscape.errors import CannotCompute, NanoscapeError
from nanoscape.io import read
from nanoscape.model import Image
from nanoscape.quantify.nuclear.suv import suv


@pytest.mark.parametrize("kind", KINDS)
def test_damage_of_each_kind(kind: str, tmp_path: Path) -> None:
    path = small_object(kind, tmp_path / f"{kind}.dcm")
    assert assert_data_or_one_error(path)
    for copy in damaged_copies(path, tmp_path, count=COPIES):
        assert_data_or_one_error(copy)
        assert_data_or_one_error(copy, pixel_size=10.0)


def test_uptake_from_a_damaged_header_is_a_number_or_an_error(tmp_path: Path) -> None:
    path = small_object("pet", tmp_path / "pet.dcm")
    for copy in damaged_copies(path, tmp_path, count=COPIES, seed=7):
        try:
            (image,) = read(copy)
        except NanoscapeError:
            continue
        assert isinstance(image, Image)
        try:
            factor = suv(image).tags["conversion_factor"]
        except CannotCompute:
            continue
        assert np.isfinite(factor).all()
