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
from damaged import COPIES, assert_data_or_one_error, damaged_trees, samples_of
from microscope_writers import compound_file, lif_image, write_lif, write_oib, write_oif

from nanoscape.errors import NanoscapeError, UnreadableFile
from nanoscape.io import open_file

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


@pytest.mark.parametrize("suffix", [".tif", ".dcm", ".csv", ".bin", ""])
@pytest.mark.parametrize(("write", "name"), [(lif, "a.lif"), (oib, "a.oib")])
def test_a_file_under_a_wrong_name_is_read_all_the_same(
    write: Callable[[Path], None], name: str, suffix: str, tmp_path: Path
) -> None:
    write(tmp_path)
    known = open_file(tmp_path / name)
    found = open_file((tmp_path / name).rename(tmp_path / f"renamed{suffix}"))
    assert found.format == known.format
    assert len(found.objects) == len(known.objects)


def test_another_compound_file_is_not_taken_for_one_of_olympus(tmp_path: Path) -> None:
    path = tmp_path / "report.doc"
    path.write_bytes(compound_file({"WordDocument": bytes(5000)}))
    with pytest.raises(UnreadableFile, match="no reader recognises"):
        open_file(path)


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize(
    ("write", "opened", "victim"),
    [(lif, "a.lif", "a.lif"), (oib, "a.oib", "a.oib"), CASES[5]],
    ids=["lif", "oib", "rec"],
)
def test_a_truncated_file_never_gives_other_samples(
    write: Callable[[Path], None],
    opened: str,
    victim: str,
    share: float,
    tmp_path: Path,
) -> None:
    write(tmp_path)
    known = samples_of(tmp_path / opened)
    data = (tmp_path / victim).read_bytes()
    (tmp_path / victim).write_bytes(data[: min(int(share * len(data)), len(data) - 1)])
    try:
        found = samples_of(tmp_path / opened)
    except NanoscapeError:
        return
    for one, other in zip(found, known, strict=True):
        np.testing.assert_array_equal(one, other)
