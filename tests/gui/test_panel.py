"""The panel on a viewer without a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from pytestqt.qtbot import QtBot

from nanoscape._napari.alignment import accept, pairs_of
from nanoscape._napari.notes import Text
from nanoscape._napari.nothing_open import NothingOpen
from nanoscape._napari.panels import Panel
from nanoscape._napari.panels.operation_section import OperationSection
from nanoscape._napari.state import ViewerState
from nanoscape.model import Affine, Edge, Image, Quality, Source, Tags
from nanoscape.workflow.recipe import Recipe
from nanoscape.workflow.registry import resolve

pytestmark = pytest.mark.usefixtures("fake_operations")


@pytest.fixture
def panel(qtbot: QtBot, viewer: ViewerModel) -> Panel:
    made = Panel(viewer)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def section(qtbot: QtBot, state: ViewerState, slide: list[str]) -> OperationSection:
    return opened(qtbot, state, "bright_places")


def opened(qtbot: QtBot, state: ViewerState, name: str) -> OperationSection:
    made = OperationSection(state, f"segmentation.{name}", name)
    qtbot.addWidget(made)
    made.set_open(True)
    qtbot.waitUntil(lambda: made.form is not None, timeout=5000)
    return made


def run(qtbot: QtBot, section: OperationSection) -> None:
    with qtbot.waitSignal(section.runner.ended, timeout=10000):
        section.run_bar.run.click()


def test_the_panel_has_its_tabs_and_chips(panel: Panel) -> None:
    titles = [panel.tabs.tabText(i) for i in range(panel.tabs.count())]
    assert titles == ["Open", "Align", "Segment", "Measure", "Figure", "History"]
    assert list(panel.chips.chips)[:3] == ["Drug", "Carrier", "Vessels"]
    assert panel.minimumSizeHint().width() <= 380


def test_an_empty_panel_says_what_to_do_first(panel: Panel) -> None:
    panel.show()
    assert panel.files.empty.isVisible()
    with_sample: list[bool] = []
    panel.files.sample_asked.connect(lambda: with_sample.append(True))
    panel.files.sample_asked.disconnect(panel.open_sample)
    panel.files.empty.button.click()
    assert with_sample == [True]


def test_every_empty_tab_offers_the_sample_study(
    panel: Panel, state: ViewerState
) -> None:
    panel.show()
    for title in ("Align", "Segment", "Measure", "Figure", "History"):
        panel.go_to(title)
        shown = [
            first for first in panel.findChildren(NothingOpen) if first.isVisible()
        ]
        assert len(shown) == 1, title
        assert "tab Open" in shown[0].findChildren(Text)[0].text()
    state.show([state.session.add(Image.from_array([[0.0]], "yx", spacing=1.0))])
    panel.go_to("Segment")
    assert not any(first.isVisible() for first in panel.findChildren(NothingOpen))


def test_chips_show_who_plays_a_role(
    panel: Panel, state: ViewerState, slide: list[str]
) -> None:
    panel.resize(380, 700)
    panel.show()
    chips = panel.chips.chips
    assert "● Vessels: CD31" in chips["Vessels"].text()
    assert chips["Nuclei"].text().strip() == "○ Nuclei"
    chip = chips["Vessels"]
    chip.fill_menu()
    texts = [a.text() for a in chip.menu().actions() if not a.isSeparator()]
    assert texts == ["CD31", "Liposome   (Carrier)"]
    next(a for a in chip.menu().actions() if "Liposome" in a.text()).trigger()
    assert state.role("Vessels", "image") == "Liposome"
    assert "Liposome" in chip.text()


def test_one_section_is_open_at_a_time(panel: Panel) -> None:
    first, second = panel.lists["Segment"].sections[:2]
    first.set_open(True)
    second.set_open(True)
    assert [first.is_open, second.is_open] == [False, True]


def test_run_keeps_the_result_and_says_what_it_is(
    qtbot: QtBot, state: ViewerState, section: OperationSection
) -> None:
    run(qtbot, section)
    assert section.record is not None
    assert state.session.study.records == [section.record]
    (address,) = section.record.outputs.values()
    assert state.layer_of(address) is not None
    assert section.result.text() == (
        "Done in less than a second. Bright places of CD31: 1 object."
    )
    assert state.role("Vessels", "labels") == address


def test_running_again_updates_the_same_layer(
    qtbot: QtBot, state: ViewerState, section: OperationSection
) -> None:
    run(qtbot, section)
    count = len(state.viewer.layers)
    assert section.form is not None
    section.form.set_values({"threshold": 0.25})
    run(qtbot, section)
    assert len(state.viewer.layers) == count
    assert len(state.session.study.records) == 2


def test_run_says_why_it_is_not_possible(
    qtbot: QtBot, state: ViewerState, slide: list[str]
) -> None:
    section = opened(qtbot, state, "count_pixels")
    assert not section.run_bar.run.isEnabled()
    assert section.run_bar.note.text().startswith("No outlined objects for Vessels yet")


def test_a_refusal_is_one_sentence_and_changes_nothing(
    qtbot: QtBot, state: ViewerState, section: OperationSection
) -> None:
    assert section.form is not None
    section.form.set_values({"threshold": 1e9})
    layers = list(state.viewer.layers)
    run(qtbot, section)
    assert section.failure.text.text() == (
        "⚠ nothing is that bright. Lower the threshold."
    )
    assert list(state.viewer.layers) == layers
    assert not state.session.study.records


def test_a_fault_leaves_details_to_copy(
    qtbot: QtBot, qapp: Any, state: ViewerState, slide: list[str]
) -> None:
    section = opened(qtbot, state, "broken")
    run(qtbot, section)
    assert "Traceback" not in section.failure.text.text()
    section.failure.copy.click()
    assert "ZeroDivisionError" in qapp.clipboard().text()


def test_cancel_stops_and_records_nothing(
    qtbot: QtBot, state: ViewerState, slide: list[str]
) -> None:
    section = opened(qtbot, state, "slow")
    with qtbot.waitSignal(section.runner.progressed, timeout=5000):
        section.run_bar.run.click()
    assert not section.run_bar.run.isEnabled()
    with qtbot.waitSignal(section.runner.cancelled, timeout=2000):
        section.run_bar.cancel.click()
    assert section.run_bar.note.text() == "Cancelled. Nothing was changed."
    assert section.run_bar.run.isEnabled()
    assert not state.session.study.records


def test_what_was_painted_goes_into_the_next_step(
    qtbot: QtBot, state: ViewerState, section: OperationSection
) -> None:
    run(qtbot, section)
    assert section.record is not None
    (address,) = section.record.outputs.values()
    layer = state.layer_of(address)
    layer.data = np.where(np.arange(50) < 10, layer.data, 0)
    count = opened(qtbot, state, "count_pixels")
    run(qtbot, count)
    assert count.record is not None
    table = state.session[count.record.outputs["table"]]
    assert table.data["pixels"].item() == 4 * 10


def test_a_preview_is_shown_and_never_recorded(
    qtbot: QtBot, state: ViewerState, section: OperationSection
) -> None:
    before = list(state.session)
    box = section.preview_box
    assert box is not None
    box.setChecked(True)
    qtbot.waitUntil(
        lambda: any("(preview)" in x.name for x in state.viewer.layers), timeout=5000
    )
    assert list(state.session) == before
    assert not state.session.study.records
    section.set_open(False)
    assert not any("(preview)" in layer.name for layer in state.viewer.layers)
    assert not box.isChecked()


def test_a_full_run_takes_the_place_of_the_preview(
    qtbot: QtBot, state: ViewerState, section: OperationSection
) -> None:
    assert section.preview_box is not None
    section.preview_box.setChecked(True)
    qtbot.waitUntil(
        lambda: any("(preview)" in x.name for x in state.viewer.layers), timeout=5000
    )
    run(qtbot, section)
    names = [layer.name for layer in state.viewer.layers]
    assert names == ["CD31", "Liposome", "bright places of CD31"]


def test_history_tells_a_step_and_does_it_again(
    qtbot: QtBot, panel: Panel, state: ViewerState, slide: list[str]
) -> None:
    record = state.session.run(
        "segmentation.bright_places", {"image": "CD31"}, {"threshold": 0.75}
    )
    state.history_changed.emit()
    text = panel.history.details.text()
    assert "Vessels: CD31" in text
    assert "Threshold: 0.75" in text
    assert not panel.history.results.isEnabled()
    assert panel.history.again.isEnabled()
    section = OperationSection(state, "segmentation.bright_places", "Bright")
    panel.lists["Segment"].sections.append(section)
    qtbot.addWidget(section)
    with qtbot.waitSignal(panel.tabs.currentChanged, timeout=1000):
        panel.history.again.click()
    qtbot.waitUntil(lambda: section.form is not None, timeout=5000)
    assert section.form is not None
    assert section.form.values() == record.parameters
    assert section.form.inputs() == {"image": "CD31"}


def test_history_names_objects_that_are_not_open(
    panel: Panel, state: ViewerState, slide: list[str]
) -> None:
    """A recipe has run elsewhere: its addresses are for programs."""
    first = "$bright.labels [subject m2, section s1]"
    scope = {"subject": "m2", "section": "s1"}
    for number, (inputs, output) in enumerate(
        (("m2_slide/CD31", first), (first, "$again.labels [subject m2, section s1]"))
    ):
        record = state.session.run(
            "segmentation.bright_places", {"image": "CD31"}, {"threshold": 0.5}
        )
        state.session.study.records[number] = replace(
            record, inputs={"image": [inputs]}, outputs={"labels": output}, scope=scope
        )
    state.session.study.add(Source(id="m2_slide", path="m2_slide.ome.tif"))
    state.history_changed.emit()
    title = resolve("segmentation.bright_places").title
    text = panel.history.details.text()
    assert f"Vessels: result of step 1, {title} (m2 s1)" in text
    panel.history.list.setCurrentRow(1)
    assert "Vessels: CD31 of m2_slide" in panel.history.details.text()
    assert "$" not in text + panel.history.details.text()


def test_history_tells_how_a_number_came_about(
    panel: Panel, state: ViewerState, slide: list[str]
) -> None:
    record = state.session.run(
        "segmentation.bright_places", {"image": "CD31"}, {"threshold": 0.5}
    )
    (address,) = record.outputs.values()
    tags = Tags.of("header", derivation=["weight 25 g (given)", "× 4 → SUVbw"])
    state.session.put(address, state.session[address].replace(tags=tags))
    state.history_changed.emit()
    text = panel.history.details.text()
    assert "How this number came about:\n• weight 25 g (given)\n• × 4" in text


def test_history_is_saved_as_a_workflow(
    panel: Panel, state: ViewerState, slide: list[str], tmp_path: Path
) -> None:
    state.session.run("segmentation.bright_places", {"image": "CD31"})
    panel.history.save_workflow(tmp_path / "steps.yaml")
    recipe = Recipe.load(tmp_path / "steps.yaml")
    assert [step.op for step in recipe.steps] == ["segmentation.bright_places@1"]


def test_an_empty_history_cannot_be_saved(panel: Panel, tmp_path: Path) -> None:
    assert not panel.history.workflow.isEnabled()
    panel.history.save_workflow(tmp_path / "steps.yaml")
    assert panel.history.failure.text.text().startswith("⚠")
    assert not list(tmp_path.iterdir())


def test_coarse_images_are_to_be_moved_onto_fine_ones(state: ViewerState) -> None:
    for space, spacing in (("msi", 20.0), ("slide", 0.5), ("scan", 50.0)):
        image = Image.from_array(
            np.ones((4, 5)), "yx", spacing=spacing, space=space, name=space
        )
        state.show([state.session.add(image)])
    assert [(p.space, p.fixed) for p in pairs_of(state)] == [
        ("msi", "slide"),
        ("scan", "slide"),
    ]


def test_pairs_tell_their_state_until_they_are_accepted(
    state: ViewerState, slide: list[str]
) -> None:
    msi = Image.from_array(
        np.ones((4, 5)), "yx", spacing=20.0, space="msi", name="ion", tags=Tags()
    )
    state.show([state.session.add(msi)])
    (pair,) = pairs_of(state)
    assert (pair.space, pair.fixed, pair.state) == ("msi", "slide", "not aligned")
    shift = Affine.from_linear(np.eye(2), [5.0, 3.0], "yx")
    quality = Quality("landmarks", expected_error_um=12.34)
    state.moving.set_edge(
        Edge(moving="msi", fixed="slide", transform=shift, quality=quality)
    )
    (pair,) = pairs_of(state)
    assert pair.state == "not yet accepted, expected error 12.3 µm"
    accept(state, pair)
    (pair,) = pairs_of(state)
    assert pair.line == "● msi → slide: accepted, expected error 12.3 µm"
    state.moving.undo()
    (pair,) = pairs_of(state)
    assert not pair.is_accepted
