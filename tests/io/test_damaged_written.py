"""Damaged copies of files that are written here; every format is damaged somewhere.

As in ``test_damaged_fixtures.py``, NANOSCAPE_DAMAGED_COPIES says how many.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_trees, samples_of
from damaged_files import WRITTEN, Written
from microscope_writers import compound_file
from test_damaged_fixtures import FIXTURES

from nanoscape.errors import NanoscapeError, UnreadableFile
from nanoscape.io import FORMATS, open_file, recognise

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

CASES = [
    pytest.param(file, victim, id=f"{file.format}-{file.opened}-{Path(victim).name}")
    for file in WRITTEN
    for victim in file.victims or (file.opened,)
]
NAMED = ("laicpms-matrix",)
"""Formats of which a file's name is part of what is known."""
SINGLE = [
    pytest.param(file, id=f"{file.format}-{file.opened}")
    for file in WRITTEN
    if not file.victims and file.readable and file.format not in NAMED
]


def test_every_format_is_damaged() -> None:
    damaged = {file.format for file in (*FIXTURES, *WRITTEN)}
    assert damaged == {known.name for known in FORMATS}


@pytest.mark.slow
@pytest.mark.parametrize(("file", "victim"), CASES)
def test_damaged_copies_give_data_or_one_error(
    file: Written, victim: str, tmp_path: Path
) -> None:
    tree, copies = tmp_path / "intact", tmp_path / "copies"
    tree.mkdir()
    copies.mkdir()
    file.write(tree)
    found = recognise(tree / file.opened)
    assert found is not None
    assert found.name == file.format
    whole = assert_data_or_one_error(tree / file.opened, **file.given)
    assert whole == file.readable
    readable = [
        assert_data_or_one_error(copy / file.opened, **file.given)
        for copy in damaged_trees(tree, victim, copies, count=COPIES, seed=1)
    ]
    if victim == file.opened:
        assert not readable[0], "an empty file has no data"


@pytest.mark.parametrize("suffix", [".tif", ".dcm", ".csv", ".bin", ""])
@pytest.mark.parametrize("file", SINGLE)
def test_a_file_under_a_wrong_name_is_read_all_the_same(
    file: Written, suffix: str, tmp_path: Path
) -> None:
    file.write(tmp_path)
    path = tmp_path / file.opened
    known = open_file(path, **file.given)
    found = open_file(path.rename(tmp_path / f"renamed{suffix}"), **file.given)
    assert found.format == known.format
    assert len(found.objects) == len(known.objects)


def test_another_compound_file_is_not_taken_for_one_of_olympus(tmp_path: Path) -> None:
    path = tmp_path / "report.doc"
    path.write_bytes(compound_file({"WordDocument": bytes(5000)}))
    with pytest.raises(UnreadableFile, match="no reader recognises"):
        open_file(path)


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize(("file", "victim"), CASES)
def test_a_truncated_file_never_gives_other_samples(
    file: Written, victim: str, share: float, tmp_path: Path
) -> None:
    if not file.readable:
        pytest.skip("it has no samples")
    file.write(tmp_path)
    known = samples_of(tmp_path / file.opened, **file.given)
    data = (tmp_path / victim).read_bytes()
    (tmp_path / victim).write_bytes(data[: min(int(share * len(data)), len(data) - 1)])
    try:
        found = samples_of(tmp_path / file.opened, **file.given)
    except NanoscapeError:
        return
    told = open_file(tmp_path / file.opened, **file.given).warnings
    for one, other in zip(found, known, strict=True):
        if file.format in NAMED or any("left out" in sentence for sentence in told):
            # A bare table may end anywhere; so may a log, but what it lacks is told.
            other = other[: len(one)]
        np.testing.assert_array_equal(one, other)
