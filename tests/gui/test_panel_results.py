"""Results in words, as tables and as plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from napari.components import ViewerModel
from pytestqt.qtbot import QtBot

from nanoscape._napari.plots import PlotCanvas, theme_of
from nanoscape._napari.results import (
    column_words,
    describe_result,
    quantity_text,
    value_text,
)
from nanoscape._napari.results_dock import show_results
from nanoscape._napari.state import ViewerState
from nanoscape._napari.tables import TableView
from nanoscape.model import Table
from nanoscape.plotting.style import Theme, apply_theme

FRAME = pd.DataFrame(
    {
        "name": ["b", "a", "c"],
        "half_distance_um": [1 / 3, 12345.678, float("nan")],
        "perfused": [True, False, True],
    }
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.123456, "0.123"),
        (12345.6, "12,346"),
        (float("nan"), "–"),
        (True, "yes"),
        (None, "–"),
        ("m1", "m1"),
    ],
)
def test_values_have_a_sensible_number_of_digits(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_the_digits_of_mz_tell_ions_apart() -> None:
    assert value_text(544.181337, "mz_measured") == "544.1813"
    assert value_text(544.181337, "mean_intensity") == "544"


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("half_distance_um", ("half distance", "µm")),
        ("area_um2", ("area", "µm²")),
        ("pixels", ("pixels", "")),
    ],
)
def test_columns_are_told_in_words(column: str, words: tuple[str, str]) -> None:
    assert column_words(column) == words


def test_a_missing_number_is_told_with_its_reason() -> None:
    frame = pd.DataFrame(
        {
            "drug": ["dox"],
            "p": [0.5],
            "half_distance_um": [34.56],
            "half_distance_reason": [""],
            "decay_length_um": [float("nan")],
            "decay_length_reason": ["the drug rises"],
        }
    )
    assert describe_result(Table(data=frame, name="profile")) == (
        "Profile: half distance 34.6 µm, decay length – (the drug rises)."
    )


def test_a_quantity_has_its_unit() -> None:
    assert quantity_text("half_distance_um", 40.0) == "half distance 40 µm"


def test_a_copied_table_has_all_digits(qtbot: QtBot, qapp: Any) -> None:
    view = TableView()
    qtbot.addWidget(view)
    view.show_frame(FRAME)
    view.copy_rows()
    rows = qapp.clipboard().text().splitlines()
    assert rows[0] == "name\thalf_distance_um\tperfused"
    assert rows[1] == f"b\t{1 / 3}\tTrue"
    assert len(rows) == 4


def test_selected_rows_are_copied_in_the_order_shown(qtbot: QtBot, qapp: Any) -> None:
    view = TableView()
    qtbot.addWidget(view)
    view.show_frame(FRAME)
    view.view.sortByColumn(0, view.view.horizontalHeader().sortIndicatorOrder())
    view.view.selectAll()
    order = [FRAME["name"][row] for row in view.selected_rows()]
    assert order in (["a", "b", "c"], ["c", "b", "a"])


def test_a_saved_table_is_read_back(qtbot: QtBot, tmp_path: Path) -> None:
    view = TableView()
    qtbot.addWidget(view)
    view.show_frame(FRAME)
    view.save_as(tmp_path / "table.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "table.csv"), FRAME)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def draw(figure: Any, theme: Theme, size: float) -> None:
    axes = figure.add_subplot()
    axes.plot([0, 1], [1, 2])
    axes.set_xlabel("distance (µm)")
    apply_theme(axes, theme, size)


def test_a_plot_follows_the_theme(qtbot: QtBot, viewer: ViewerModel) -> None:
    from matplotlib.colors import to_hex

    canvas = PlotCanvas(viewer)
    qtbot.addWidget(canvas)
    canvas.show_plot(draw)
    for name in ("light", "dark"):
        viewer.theme = name
        theme, size = theme_of(name)
        (axes,) = canvas.figure.axes
        assert to_hex(canvas.figure.get_facecolor()) == theme.background
        assert to_hex(axes.xaxis.label.get_color()) == theme.foreground
        assert axes.xaxis.label.get_fontsize() == size


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_a_plot_is_saved_in_the_colours_of_print(
    qtbot: QtBot, viewer: ViewerModel, tmp_path: Path, suffix: str
) -> None:
    canvas = PlotCanvas(viewer)
    qtbot.addWidget(canvas)
    canvas.show_plot(draw)
    path = canvas.save_as(tmp_path / f"plot.{suffix}")
    assert path.stat().st_size > 500
    assert [p.name for p in tmp_path.iterdir()] == [f"plot.{suffix}"]
    if suffix == "png":
        from matplotlib.image import imread

        assert imread(path)[0, 0, :3].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.usefixtures("fake_operations")
def test_the_tables_of_a_run_are_shown_with_their_notes(
    qtbot: QtBot, viewer: ViewerModel, state: ViewerState, slide: list[str]
) -> None:
    found = state.session.run("segmentation.bright_places", {"image": "CD31"})
    record = state.session.run(
        "segmentation.count_pixels", {"labels": found.outputs["labels"]}
    )
    dock = show_results(viewer, state, record)
    qtbot.addWidget(dock)
    titles = [dock.tabs.tabText(i) for i in range(dock.tabs.count())]
    assert titles == ["count", "Notes"]
    assert dock.chooser.currentText() == "Count · m1 · s1"
