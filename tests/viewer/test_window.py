"""The plugin in a real window: files dropped, saved again, and what is seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pytestqt.qtbot import QtBot

from nanoscape import io
from nanoscape._napari import readers, samples
from nanoscape._napari.loading import Given
from nanoscape._napari.state import state_of
from nanoscape.model import Affine, Image, Labels, Source, Study

PLUGIN = "napari-nanoscape"
MakeViewer = Callable[..., Any]


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    """A slide of two channels with pixels of half a micrometre."""
    path = tmp_path / "slide.ome.tif"
    data = np.arange(2 * 30 * 40, dtype=np.uint16).reshape(2, 30, 40)
    metadata = {
        "axes": "CYX",
        "PhysicalSizeX": 0.5,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": 0.5,
        "PhysicalSizeYUnit": "µm",
        "Channel": {"Name": ["CD31", "Doxorubicin"]},
    }
    tifffile.imwrite(path, data, metadata=metadata, ome=True)
    return path


@pytest.fixture
def uncalibrated(tmp_path: Path) -> Path:
    path = tmp_path / "plain.ome.tif"
    tifffile.imwrite(path, np.zeros((30, 40), np.uint16), metadata={"axes": "YX"})
    return path


def open_and_wait(viewer: Any, qtbot: QtBot, path: Path | str) -> None:
    """Open a file as a drop does, and wait until it is shown."""
    viewer.open(str(path), plugin=PLUGIN)
    wait_for_arrivals(viewer, qtbot)


def wait_for_arrivals(viewer: Any, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not state_of(viewer).arrivals.is_busy, timeout=30_000)


def test_a_dropped_file_lies_in_micrometres_and_belongs_to_the_study(
    make_napari_viewer_proxy: MakeViewer, qtbot: QtBot, slide: Path
) -> None:
    viewer = make_napari_viewer_proxy()
    open_and_wait(viewer, qtbot, slide)
    state = state_of(viewer)
    assert [layer.name for layer in viewer.layers] == ["CD31", "Doxorubicin"]
    layer = viewer.layers[0]
    np.testing.assert_allclose(layer.data_to_world((2, 4)), (1, 2))
    assert state.address_of(layer) == "slide/CD31"
    assert state.role("Drug", "image") == "slide/Doxorubicin"
    assert list(state.session.study.sources) == ["slide"]


def test_a_volume_dropped_on_sections_gives_all_of_them_three_axes(
    make_napari_viewer_proxy: MakeViewer, qtbot: QtBot, slide: Path, tmp_path: Path
) -> None:
    volume = Image.from_array(
        np.zeros((3, 4, 5), np.float32), "zyx", spacing=100, name="CT"
    )
    path = tmp_path / "ct.ome.tif"
    io.write(volume, path)
    viewer = make_napari_viewer_proxy()
    open_and_wait(viewer, qtbot, slide)
    open_and_wait(viewer, qtbot, path)
    assert [layer.axis_labels for layer in viewer.layers] == [("z", "y", "x")] * 3
    assert viewer.layers.extent.units is not None


@pytest.mark.parametrize("answer", [0.25, None])
def test_a_pixel_size_that_is_missing_is_asked_for(
    make_napari_viewer_proxy: MakeViewer,
    qtbot: QtBot,
    uncalibrated: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: float | None,
) -> None:
    asked: list[str] = []
    told: list[str] = []

    def ask(name: str, needs: tuple[str, ...]) -> Given | None:
        asked.append(name)
        assert needs == ("pixel_size",)
        return Given(pixel_size_um=answer) if answer else None

    monkeypatch.setattr(readers, "ask_calibration", ask)
    monkeypatch.setattr(readers, "show_error", told.append)
    viewer = make_napari_viewer_proxy()
    viewer.add_points(np.zeros((1, 2)))
    open_and_wait(viewer, qtbot, uncalibrated)
    assert asked == ["plain.ome.tif"]
    if answer is None:
        assert len(viewer.layers) == 1
        assert len(told) == 1
        assert "how large" in told[0]
    else:
        np.testing.assert_allclose(viewer.layers[-1].scale, answer)
        assert not told


def test_a_damaged_file_is_told_in_a_sentence_and_the_layers_stay(
    make_napari_viewer_proxy: MakeViewer,
    qtbot: QtBot,
    slide: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr(readers, "show_error", told.append)
    damaged = tmp_path / "damaged.ome.tif"
    damaged.write_bytes(slide.read_bytes()[:300])
    viewer = make_napari_viewer_proxy()
    open_and_wait(viewer, qtbot, slide)
    assert readers.read(str(damaged)) == [(None,)]
    wait_for_arrivals(viewer, qtbot)
    assert len(told) == 1
    assert "Traceback" not in told[0]
    assert len(viewer.layers) == 2
    assert list(state_of(viewer).session.study.sources) == ["slide"]


def test_a_folder_is_read_beside_the_window(
    make_napari_viewer_proxy: MakeViewer, shared_data: Path, qtbot: QtBot
) -> None:
    folder = shared_data / "multimodal" / "ibsi_STS_002" / "PET" / "image"
    viewer = make_napari_viewer_proxy()
    open_and_wait(viewer, qtbot, folder)
    assert len(viewer.layers) == 1
    assert viewer.layers[0].axis_labels == ("z", "y", "x")


def test_what_is_saved_is_opened_again_in_its_place(
    make_napari_viewer_proxy: MakeViewer, qtbot: QtBot, slide: Path, tmp_path: Path
) -> None:
    viewer = make_napari_viewer_proxy()
    open_and_wait(viewer, qtbot, slide)
    path = str(tmp_path / "saved.ome.zarr")
    assert viewer.layers[:1].save(path, plugin=PLUGIN) == [path]
    (again,) = io.read(path)
    assert isinstance(again, Image)
    assert again.spacing == {"y": 0.5, "x": 0.5}
    np.testing.assert_array_equal(again.data, viewer.layers[0].data)


def test_a_layer_of_another_plugin_is_saved_as_it_lies(
    make_napari_viewer_proxy: MakeViewer, tmp_path: Path
) -> None:
    viewer = make_napari_viewer_proxy()
    data = np.zeros((6, 7), np.int32)
    data[2:4] = 1
    viewer.add_labels(data, scale=(2, 3), translate=(5, 0), units=("um", "um"))
    path = str(tmp_path / "labels.ome.zarr")
    viewer.layers.save(path, plugin=PLUGIN)
    (again,) = io.read(path)
    assert isinstance(again, Labels)
    np.testing.assert_allclose(
        again.grid_to_space.matrix, [[2, 0, 5], [0, 3, 0], [0, 0, 1]]
    )
    np.testing.assert_array_equal(again.data, data)


def test_the_sample_study_opens(
    make_napari_viewer_proxy: MakeViewer,
    qtbot: QtBot,
    slide: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def make(folder: Path, *, task: Any) -> Path:
        study = Study(folder)
        study.add(Source(id="slide", path=str(slide)))
        study.save()
        return folder

    monkeypatch.setattr(samples, "sample_folder", lambda: tmp_path / "study")
    monkeypatch.setattr(samples, "make_sample", make)
    viewer = make_napari_viewer_proxy()
    state = state_of(viewer)
    for _ in range(2):  # the second time it is there already
        viewer.open_sample(PLUGIN, "study")
        wait_for_arrivals(viewer, qtbot)
        shown = [state.address_of(layer) for layer in viewer.layers]
        assert shown == ["slide/CD31", "slide/Doxorubicin"]
        assert state.session.study.root == tmp_path / "study"


def test_a_mirrored_image_is_seen_mirrored(make_napari_viewer: MakeViewer) -> None:
    viewer = make_napari_viewer(show=True)
    state = state_of(viewer)
    values = np.zeros((20, 20), np.float32)
    values[:, :5] = 1
    mirror = Affine.from_linear(np.diag([1.0, -1.0]), (0, 19), "yx")
    plain = Image.from_array(values, "yx", spacing=1.0, name="plain")
    turned = Image.from_array(values, "yx", grid_to_space=mirror, name="turned")
    bright = []
    for item in (plain, turned):
        (layer,) = state.show([state.session.add(item)])
        picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].sum(-1)
        bright.append(np.argwhere(picture > picture.max() / 2).mean(axis=0)[1])
        middle = picture.shape[1] / 2
        layer.visible = False
    assert bright[0] < middle - 10
    assert bright[1] > middle + 10
