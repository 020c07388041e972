"""Damaged copies of formats without a file among the test data, written here.

As in ``test_damaged_fixtures.py``, NANOSCAPE_DAMAGED_COPIES says how many.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_trees
from microscope_writers import lif_image, write_lif, write_oib, write_oif

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

DATA = np.random.default_rng(8).integers(0, 4000, (2, 2, 3, 20, 30), dtype=np.uint16)


def lif(folder: Path) -> None:
    pytest.importorskip("liffile")
    steps = {"T": 12.5, "Z": 1.5e-6, "Y": 0.3e-6, "X": 0.3e-6}
    image = lif_image("series", DATA, "TCZYX", steps, channels=("Blue", "Red"))
    write_lif(folder / "a.lif", [image])


def oib(folder: Path) -> None:
    pytest.importorskip("oiffile")
    write_oib(folder / "a.oib", DATA[:1])


def oif(folder: Path) -> None:
    pytest.importorskip("oiffile")
    write_oif(folder / "a.oif", DATA[:1])


def parrec(folder: Path) -> None:
    data = Path(nibabel.__file__).parent / "tests" / "data"
    if not data.exists():
        pytest.skip("nibabel is installed without its test files")
    for suffix in (".PAR", ".REC"):
        shutil.copy((data / "phantom_EPI_asc_CLEAR_2_1").with_suffix(suffix), folder)


def metaimage_in_two_files(folder: Path) -> None:
    header = (
        "ObjectType = Image\nNDims = 3\nDimSize = 5 4 3\nElementType = MET_SHORT\n"
        "ElementSpacing = 1 1 2\nElementDataFile = a.raw\n"
    )
    (folder / "a.mhd").write_text(header)
    (folder / "a.raw").write_bytes(np.arange(60, dtype="<i2").tobytes())


CASES: list[tuple[Callable[[Path], None], str, str]] = [
    (lif, "a.lif", "a.lif"),
    (oib, "a.oib", "a.oib"),
    (oif, "a.oif", "a.oif"),
    (oif, "a.oif", "a.oif.files/s_C001Z002T001.tif"),
    (parrec, "phantom_EPI_asc_CLEAR_2_1.PAR", "phantom_EPI_asc_CLEAR_2_1.PAR"),
    (parrec, "phantom_EPI_asc_CLEAR_2_1.PAR", "phantom_EPI_asc_CLEAR_2_1.REC"),
    (metaimage_in_two_files, "a.mhd", "a.mhd"),
    (metaimage_in_two_files, "a.mhd", "a.raw"),
]


@pytest.mark.parametrize(("write", "opened", "victim"), CASES)
def test_damaged_copies_give_data_or_one_error(
    write: Callable[[Path], None], opened: str, victim: str, tmp_path: Path
) -> None:
    tree, copies = tmp_path / "intact", tmp_path / "copies"
    tree.mkdir()
    copies.mkdir()
    write(tree)
    assert assert_data_or_one_error(tree / opened)
    readable = [
        assert_data_or_one_error(copy / opened)
        for copy in damaged_trees(tree, victim, copies, count=COPIES, seed=1)
    ]
    assert not readable[0], "an empty file has no data"
