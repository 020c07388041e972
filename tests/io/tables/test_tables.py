"""Points and tables as CSV and Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nanoscape.errors import MissingCalibration, UnreadableFile, WrongInput
from nanoscape.io import read, recognise, write
from nanoscape.model import Points, Table, Tags
from nanoscape.workflow.store import load_object, save_object

TEXT = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1
)


def save(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@st.composite
def points(draw: st.DrawFn) -> Points:
    """Points with any places, names, tags and columns."""
    axes = draw(st.sampled_from(["yx", "zyx"]))
    count = draw(st.integers(1, 5))
    finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
    columns = {
        f"area_{number}_um2": draw(st.lists(finite, min_size=count, max_size=count))
        for number in range(draw(st.integers(0, 2)))
    }
    if draw(st.booleans()):
        columns["label"] = draw(st.lists(TEXT, min_size=count, max_size=count))
    return Points(
        coordinates=draw(
            arrays.arrays(np.float64, (count, len(axes)), elements=finite)
        ),
        axes=axes,
        space=draw(TEXT),
        name=draw(TEXT),
        table=pd.DataFrame(columns) if columns else None,
        tags=Tags.of("user", note=draw(TEXT), weight_g=draw(finite)).having(
            "sheet", group=draw(TEXT)
        ),
    )


def assert_same(found: Points, wanted: Points) -> None:
    np.testing.assert_array_equal(found.coordinates, wanted.coordinates)
    assert (found.axes, found.space, found.name) == (
        wanted.axes, wanted.space, wanted.name,
    )  # fmt: skip
    assert found.tags.tags == wanted.tags.tags
    if wanted.table is None:
        assert found.table is None
    else:
        pd.testing.assert_frame_equal(found.table, wanted.table)


@settings(max_examples=30, deadline=None)
@given(item=points())
def test_points_come_back_from_parquet_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, item: Points
) -> None:
    path = tmp_path_factory.mktemp("points") / "p.parquet"
    (found,) = read(write(item, path))
    assert_same(found, item)
    # Any other program sees the unit in the column's name.
    assert pq.read_schema(path).names[: len(item.axes)] == [
        f"{axis}_um" for axis in item.axes
    ]


@settings(max_examples=20, deadline=None)
@given(item=points())
def test_points_come_back_from_a_study_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, item: Points
) -> None:
    stem = tmp_path_factory.mktemp("points") / "p"
    save_object(stem, item)
    assert_same(load_object(stem, "points"), item)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(item=points())
def test_points_come_back_from_csv_but_for_what_it_has_no_words_for(
    tmp_path_factory: pytest.TempPathFactory, item: Points
) -> None:
    path = tmp_path_factory.mktemp("points") / "p.csv"
    table = item.table
    if table is not None and "label" in table:
        # A column of words that all look like numbers comes back as numbers.
        item = item.replace(table=table.assign(label=[f"é{v}" for v in table["label"]]))
    (found,) = read(write(item, path))
    np.testing.assert_array_equal(found.coordinates, item.coordinates)
    assert found.axes == item.axes
    assert (found.space, found.name) == ("p", "p")
    if item.table is not None:
        pd.testing.assert_frame_equal(found.table, item.table, check_dtype=False)


def test_a_table_comes_back_from_parquet_as_it_was(tmp_path: Path) -> None:
    table = Table(
        data=pd.DataFrame(
            {
                "subject": ["m1", "m2", None],
                "half_distance_um": [12.5, np.nan, 1 / 3],
                "n": [1, 2, 3],
                "is_kept": [True, False, True],
            }
        ),
        name="Profile of Drug",
        notes=("weighted by area", "m2 has no vessels"),
        tags=Tags.of("user", subject="m1").having("guess", role="Drug"),
    )
    path = write(table, tmp_path / "t.parquet")
    (found,) = read(path)
    pd.testing.assert_frame_equal(found.data, table.data)
    assert (found.name, found.notes) == (table.name, table.notes)
    assert found.tags.tags == table.tags.tags
    pd.testing.assert_frame_equal(pd.read_parquet(path), table.data)
    written = write(table, tmp_path / "t.csv")
    pd.testing.assert_frame_equal(pd.read_csv(written), table.data, check_dtype=False)
    with pytest.raises(WrongInput, match=r"\.csv or \.parquet"):
        write(table, tmp_path / "t.txt")
    with pytest.raises(WrongInput, match="exists already"):
        write(table, path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.parquet"]


@pytest.mark.parametrize(
    ("header", "row", "pixel_size", "place"),
    [
        ("y_um,x_um,n", "1,2,3", None, (1, 2)),
        ("x (mm);y (mm)", "2;1", None, (1000, 2000)),
        ("X_nm\tY_nm", "2000\t1000", None, (1, 2)),
        ("z_um,y_um,x_um", "3,1,2", None, (3, 1, 2)),
        ("x,y,n", "2,1,3", 0.5, (0.5, 1)),
        ("x_px,y_px", "2,1", 0.5, (0.5, 1)),
        ("index,axis-0,axis-1,axis-2", "0,3,1,2", 2.0, (6, 2, 4)),
        # QuPath: 10.25 µm from the corner, at 0.5 µm, is the centre of pixel 20.
        ("Centroid X µm,Centroid Y µm", "10.25,0.25", 0.5, (0, 10)),
        ("Centroid X px,Centroid Y px", "20.5,0.5", 0.5, (0, 10)),
    ],
)
def test_places_by_the_units_and_conventions_of_their_columns(
    tmp_path: Path, header: str, row: str, pixel_size: float | None, place: tuple
) -> None:
    path = save(tmp_path / "p.csv", f"{header}\n{row}\n")
    assert recognise(path).name == "points"
    (found,) = read(path, pixel_size=pixel_size)
    np.testing.assert_allclose(found.coordinates, [place], atol=1e-12)
    if pixel_size is not None:
        with pytest.raises(MissingCalibration):
            read(path)


@pytest.mark.parametrize(
    "header", ["X\tY\tZ\t191Ir", "y_um,x_px", "y_um,z_um", "my_um,mx_um", "a,b"]
)
def test_other_tables_are_not_claimed(tmp_path: Path, header: str) -> None:
    path = save(tmp_path / "p.csv", f"{header}\n1\t2\t3\t4\n")
    assert recognise(path) is None


@pytest.mark.parametrize("rows", ["1,x\n", "1,\n", "1,2,3,4\n1,2\n", '"1,5","2,5"\n'])
def test_rows_that_are_no_places_are_one_error(tmp_path: Path, rows: str) -> None:
    with pytest.raises(UnreadableFile):
        read(save(tmp_path / "p.csv", f"y_um,x_um\n{rows}"))
