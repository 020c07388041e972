"""What is on its way into the window: order, change of mind, errors."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from napari.components import ViewerModel
from pytestqt.qtbot import QtBot

from nanoscape._napari.canvas import Canvas
from nanoscape._napari.state import ViewerState
from nanoscape.errors import UnreadableFile
from nanoscape.io import Opened
from nanoscape.model import Image, Source, Tags


@pytest.fixture
def gate() -> threading.Event:
    """Reading waits for it."""
    event = threading.Event()
    event.set()
    return event


@pytest.fixture
def files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> list[Path]:
    """Files of three images each, one file that is damaged, and their reader."""

    def read(path: Path, **_: Any) -> Opened:
        gate.wait(10)
        if path.suffix == ".bad":
            raise UnreadableFile(f"{path.name} is damaged", todo="copy it again")
        names = (f"{path.stem} {i}" for i in range(3))
        images = tuple(
            Image.from_array([[0.0, 1.0]], "yx", spacing=1.0, name=n) for n in names
        )
        return Opened(path, "made up", images)

    monkeypatch.setattr("nanoscape.io.open_file", read, raising=False)
    paths = [tmp_path / name for name in ("a.tif", "b.tif", "c.bad")]
    for path in paths:
        path.write_bytes(b"")
    return paths


@pytest.fixture
def sections(state: ViewerState, files: list[Path]) -> list[str]:
    """Identifiers of two scenes, one file each."""
    for name, path in (("s1", files[0]), ("s2", files[1])):
        tags = Tags.of("sheet", subject="m1", section=name)
        state.session.study.add(Source(id=path.stem, path=str(path), tags=tags))
    return [scene.id for scene in state.scenes]


def wait(qtbot: QtBot, state: ViewerState) -> None:
    qtbot.waitUntil(lambda: not state.arrivals.is_busy, timeout=10_000)


def names(viewer: ViewerModel) -> list[str]:
    return [layer.name for layer in viewer.layers]


def test_files_arrive_one_after_the_other(
    qtbot: QtBot, viewer: ViewerModel, state: ViewerState, files: list[Path]
) -> None:
    told: list[list[str]] = []
    for path in files[:2]:
        state.arrivals.open_files([path], on_loaded=lambda x: told.append(x.addresses))
    assert names(viewer) == []
    wait(qtbot, state)
    assert names(viewer) == [f"{stem} {i}" for stem in "ab" for i in range(3)]
    assert [addresses[0] for addresses in told] == ["a/a 0", "b/b 0"]


def test_the_loop_turns_between_layers(
    qtbot: QtBot, viewer: ViewerModel, state: ViewerState, files: list[Path]
) -> None:
    seen: set[int] = set()
    state.arrivals.open_files([files[0]])
    qtbot.waitUntil(lambda: seen.add(len(viewer.layers)) or 3 in seen, timeout=10_000)
    wait(qtbot, state)
    assert state.session["a/a 2"].name == "a 2"


def test_a_damaged_file_is_told_and_the_others_come(
    qtbot: QtBot,
    viewer: ViewerModel,
    state: ViewerState,
    files: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr("nanoscape._napari.arrivals.show_error", told.append)
    state.arrivals.open_files([files[2], files[0]])
    wait(qtbot, state)
    assert told == ["c.bad is damaged. Copy it again."]
    assert len(viewer.layers) == 3
    assert list(state.session.study.sources) == ["a"]


def test_cancel_while_reading_leaves_nothing(
    qtbot: QtBot,
    viewer: ViewerModel,
    state: ViewerState,
    files: list[Path],
    gate: threading.Event,
) -> None:
    gate.clear()
    state.arrivals.open_files([files[0]])
    state.arrivals.cancel()
    gate.set()
    wait(qtbot, state)
    assert names(viewer) == []
    assert list(state.session) == list(state.session.study.sources) == []


def test_cancel_between_two_layers_leaves_nothing(
    qtbot: QtBot, viewer: ViewerModel, state: ViewerState, files: list[Path]
) -> None:
    viewer.layers.events.inserted.connect(lambda _: state.arrivals.cancel())
    state.arrivals.open_files([files[0]])
    wait(qtbot, state)
    assert names(viewer) == []
    assert list(state.session) == list(state.session.study.sources) == []


def test_an_error_between_two_layers_leaves_nothing(
    qtbot: QtBot,
    viewer: ViewerModel,
    state: ViewerState,
    files: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    showing = Canvas.showing

    def broken(self: Canvas, address: str, **options: Any) -> Any:
        if address == "a/a 1":
            raise MemoryError
        return showing(self, address, **options)

    monkeypatch.setattr(Canvas, "showing", broken)
    monkeypatch.setattr("nanoscape._napari.arrivals.show_error", told.append)
    state.arrivals.open_files([files[0]])
    wait(qtbot, state)
    assert names(viewer) == []
    assert list(state.session) == []
    assert "needs more memory" in told[0]


def test_only_the_newest_of_several_scenes_is_shown(
    qtbot: QtBot,
    viewer: ViewerModel,
    state: ViewerState,
    sections: list[str],
    gate: threading.Event,
) -> None:
    first, second = sections
    gate.clear()
    state.arrivals.go_to_scene(first)
    state.arrivals.go_to_scene(second)
    assert state.arrivals.scene == second
    gate.set()
    wait(qtbot, state)
    assert names(viewer) == ["b 0", "b 1", "b 2"]
    assert "a" not in state.session


def test_cancelling_a_scene_shows_the_one_before(
    qtbot: QtBot,
    viewer: ViewerModel,
    state: ViewerState,
    sections: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = sections
    state.arrivals.go_to_scene(first)
    wait(qtbot, state)
    layers = list(viewer.layers)
    showing = Canvas.showing

    def cancelled(self: Canvas, address: str, **options: Any) -> Any:
        if address == "b/b 1":
            state.arrivals.cancel()
        return showing(self, address, **options)

    monkeypatch.setattr(Canvas, "showing", cancelled)
    state.arrivals.go_to_scene(second)
    wait(qtbot, state)
    assert state.scene is not None
    assert state.scene.id == first
    assert names(viewer) == ["a 0", "a 1", "a 2"]
    assert list(viewer.layers) == layers
    assert [state.address_of(layer) for layer in layers] == [
        f"a/a {number}" for number in range(3)
    ]


def test_a_study_that_cannot_be_read_leaves_the_open_one(
    qtbot: QtBot,
    viewer: ViewerModel,
    state: ViewerState,
    files: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr("nanoscape._napari.arrivals.show_error", told.append)
    state.arrivals.open_files([files[0]])
    wait(qtbot, state)
    (tmp_path / "study.yaml").write_text("sources: [")
    state.arrivals.open_study(tmp_path)
    wait(qtbot, state)
    assert len(told) == 1
    assert len(viewer.layers) == 3
    assert len(list(state.session)) == 3


def test_anatomy_lies_below_what_is_laid_over_it(
    viewer: ViewerModel, state: ViewerState
) -> None:
    def image(name: str, **tags: str) -> str:
        tagged = Tags.of("header", **tags)
        return state.session.add(
            Image.from_array([[0.0, 1.0]], "yx", spacing=1.0, name=name, tags=tagged)
        )

    pet = image("PET", modality="PT", role="Carrier")
    state.show([pet, image("MR", modality="MR", role="Anatomy")])
    assert names(viewer) == ["MR", "PET"]
