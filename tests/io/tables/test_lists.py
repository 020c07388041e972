"""Lists of standards and ions."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanoscape.errors import UnreadableFile
from nanoscape.io import read, recognise


def save(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("Region;Concentration (µg/g)\nA;1\nB;5\n", ["region", "concentration (µg/g)"]),
        ("line\tmeasured\tgold_ug_per_g\n1\tbefore\t0\n", None),
        ("concentration, signal\n0, 3\n1, 5.5\n", ["concentration", "signal"]),
        ("name,formula,adduct,ppm\ndox,C27H29NO11,[M+H]+,5\n", None),
        ("name,m/z\nhaem,616.1767\n", ["name", "m/z"]),
    ],
)
def test_lists_are_told_by_their_headings(tmp_path, text, columns):
    path = save(tmp_path / "list.csv", text)
    found = recognise(path)
    assert found is not None
    assert found.name == "lists"
    (table,) = read(path)
    assert table.name == "list"
    assert len(table.data) == text.count("\n") - 1
    assert columns is None or list(table.data.columns) == columns


@pytest.mark.parametrize(
    "text",
    [
        "m/z,intensity\n100,5\n",  # a spectrum
        "name,thickness_um\na,5\n",
        "concentration\n5\n",
        "x_um,y_um,name\n1,2,a\n",
        "",
    ],
)
def test_other_tables_are_no_lists(tmp_path, text):
    found = recognise(save(tmp_path / "list.csv", text))
    assert found is None or found.name != "lists"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("line,concentration\n1,2,3\n", "more cells"),
        ("line,line,concentration\n1,2,3\n", "two columns of one name"),
        ("line,concentration\n", "no rows"),
    ],
)
def test_damaged_lists_are_refused_in_a_sentence(tmp_path, text, words):
    with pytest.raises(UnreadableFile, match=words):
        read(save(tmp_path / "list.csv", text))
