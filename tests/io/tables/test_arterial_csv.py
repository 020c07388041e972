from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nanoscape.errors import UnreadableFile
from nanoscape.io import read, recognise
from nanoscape.phantom.instruments.dce import Dce, plasma, write_input


def save(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_phantoms_input_is_read(tmp_path: Path) -> None:
    dce = Dce()
    write_input(tmp_path / "input.csv", None, dce)  # type: ignore[arg-type]
    (table,) = read(tmp_path / "input.csv")
    assert list(table.data) == ["time_s", "plasma_mM"]
    np.testing.assert_allclose(table.data["time_s"], dce.time_s)
    np.testing.assert_allclose(
        table.data["plasma_mM"], plasma(dce, dce.time_s), atol=1e-6
    )


def test_minutes_and_semicolons(tmp_path: Path) -> None:
    path = save(tmp_path / "a.csv", "time (min);blood (mM);sd\n0;1;0.1\n0.5;2;0.2\n")
    (table,) = read(path)
    np.testing.assert_allclose(table.data["time_s"], [0, 30])
    np.testing.assert_allclose(table.data["blood_mM"], [1, 2])


@pytest.mark.parametrize(
    "header", ["x,y,plasma_mM", "time_s,counts", "time_s,time (s),plasma_mM"]
)
def test_other_tables_are_not_taken(tmp_path: Path, header: str) -> None:
    found = recognise(save(tmp_path / "a.csv", f"{header}\n1,2,3\n"))
    assert found is None or found.name != "arterial-input"


def test_text_among_the_numbers(tmp_path: Path) -> None:
    path = save(tmp_path / "a.csv", "time_s,plasma_mM\n0,low\n")
    with pytest.raises(UnreadableFile, match="not a number"):
        read(path)
