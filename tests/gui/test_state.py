"""One study per viewer: layers follow objects, and objects follow the user."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from napari.components import ViewerModel
from napari.layers import Labels as LabelsLayer
from napari.layers import Shapes as ShapesLayer
from napari.utils._proxies import PublicOnlyProxy

from nanoscape import io
from nanoscape._napari.layers import KEY
from nanoscape._napari.roles import with_role
from nanoscape._napari.state import ViewerState, state_of
from nanoscape.errors import MissingCalibration, WrongInput
from nanoscape.io import Opened
from nanoscape.model import (
    Affine,
    Edge,
    Image,
    Labels,
    Points,
    Quality,
    Regions,
    Source,
    Table,
    Tags,
)
from nanoscape.workflow.execute import Outcome
from nanoscape.workflow.registry import resolve

TABLE = Table(data=pd.DataFrame({"error_um": [1.0]}), name="errors")


def image(name: str = "CD31", space: str = "slide", **tags: Any) -> Image:
    values = np.arange(2000, dtype=np.float32).reshape(40, 50)
    return Image.from_array(
        values,
        "yx",
        spacing=2.0,
        space=space,
        name=name,
        tags=Tags.of("header", **tags),
    )


def labels(name: str = "Vessels", **tags: Any) -> Labels:
    values = np.zeros((40, 50), np.uint8)
    values[5:9] = 3
    return Labels.from_array(
        values,
        "yx",
        spacing=2.0,
        space="slide",
        name=name,
        tags=Tags.of("header", **tags),
        table=pd.DataFrame({"index": [3], "area_um2": [800.0]}),
    )


def edge(moving: str, fixed: str, shift: tuple[float, float]) -> Edge:
    return Edge(
        moving=moving,
        fixed=fixed,
        transform=Affine.from_linear(np.eye(2), shift, "yx"),
        quality=Quality("test"),
        accepted=True,
    )


def test_a_viewer_has_one_state_also_behind_its_proxy(viewer: ViewerModel) -> None:
    assert state_of(viewer) is state_of(PublicOnlyProxy(viewer))
    assert state_of(ViewerModel()) is not state_of(viewer)


def test_the_state_does_not_keep_a_viewer_alive(qapp: Any) -> None:
    viewer = ViewerModel()
    state_of(viewer).show([state_of(viewer).session.add(image())])
    gone = weakref.ref(viewer)
    del viewer
    gc.collect()
    assert gone() is None


def test_every_layer_is_in_micrometres_with_named_axes(
    viewer: ViewerModel, state: ViewerState
) -> None:
    points = Points(
        coordinates=np.array([[1.0, 2], [30, 40]]), axes="yx", space="slide", name="P"
    )
    regions = Regions(
        polygons=(np.array([[0.0, 0], [0, 9], [9, 9]]),),
        names=("rim",),
        axes="yx",
        space="slide",
        name="R",
    )
    volume = Image.from_array(np.zeros((3, 4, 5)), "zyx", spacing=100, name="CT")
    series = Image.from_array(np.zeros((3, 4, 5)), "tyx", spacing=100, name="DCE")
    for items in ([image(), labels(), points, regions], [volume], [series]):
        state.show([state.session.add(item) for item in items])
        assert viewer.layers.extent.units is not None
        for layer in viewer.layers:
            axes = state.axes.axes[-layer.ndim :]
            assert layer.axis_labels == tuple(axes)
            expected = ["second" if axis == "t" else "micrometer" for axis in axes]
            assert [str(unit) for unit in layer.units] == expected
    assert state.axes.axes == "tzyx"
    assert len(viewer.layers) == 6


def test_a_shown_table_belongs_to_its_labels(state: ViewerState) -> None:
    (layer,) = state.show([state.session.add(labels())])
    assert layer.features["area_um2"].tolist() == [800.0]
    assert layer.features["index"].tolist() == [3]


def test_a_result_is_updated_in_place_and_keeps_its_look(
    viewer: ViewerModel, state: ViewerState
) -> None:
    address = state.session.add(image())
    (layer,) = state.show([address])
    layer.colormap, layer.contrast_limits, layer.visible = "cyan", (3, 7), False
    state.session.put(address, image().replace(levels=image("x").levels))
    changed = state.session[address]
    changed = Image.from_array(np.asarray(changed.data) * 5, "yx", spacing=3.0)
    state.session.put(address, changed)
    assert state.show([address]) == []
    assert list(viewer.layers) == [layer]
    assert layer.colormap.name == "cyan"
    assert tuple(layer.contrast_limits) == (3, 7)
    assert not layer.visible
    np.testing.assert_array_equal(layer.data, changed.data)
    np.testing.assert_allclose(layer.scale, 3.0)


def test_the_first_of_many_images_are_visible_and_one_is_selected(
    viewer: ViewerModel, state: ViewerState
) -> None:
    state.show([state.session.add(image("old"))])
    new = state.show([state.session.add(image(f"c{i}")) for i in range(6)])
    assert set(viewer.layers.selection) == {new[3]}
    assert [layer.visible for layer in new] == [True] * 4 + [False] * 2


def test_what_is_kept_is_recorded_shown_and_has_its_role(
    state: ViewerState, slide: list[str], fake_operations: None
) -> None:
    told: list[str] = []
    state.history_changed.connect(lambda: told.append("history"))
    inputs = {"image": slide[0]}
    name = "segmentation.bright_places"
    outcome = state.session.compute(name, inputs)
    record = state.keep(name, inputs, outcome)
    (address,) = record.outputs.values()
    layer = state.layer_of(address)
    assert isinstance(layer, LabelsLayer)
    layer.opacity = 0.3
    again = state.keep(name, inputs, state.session.compute(name, inputs))
    assert again.outputs == record.outputs
    assert state.layer_of(address) is layer
    assert layer.opacity == 0.3
    assert told == ["history", "history"]


def test_a_copied_layer_gets_an_object_of_its_own(
    viewer: ViewerModel, state: ViewerState
) -> None:
    address = state.session.add(labels())
    (layer,) = state.show([address])
    data, settings, kind = layer.as_layer_data_tuple()
    copy = type(layer)(data.copy(), **{**settings, "name": "Vessels copy"})
    viewer.add_layer(copy)
    other = state.address_of(copy)
    assert kind == "labels"
    assert other is not None
    assert other != address
    assert state.layer_of(address) is layer
    copy.fill((0, 0), 9)
    state.settle()
    assert (np.asarray(state.session[address].data) != 9).all()


def test_painting_makes_an_edited_object_and_leaves_the_result(
    state: ViewerState,
) -> None:
    address = state.session.add(labels(role="Vessels"))
    (layer,) = state.show([address])
    layer.data_setitem((np.array([20]), np.array([7])), 5)
    layer.events.paint(value=[])
    (edited,) = state.settle()
    assert state.settle() == []
    assert edited != address
    assert np.asarray(state.session[edited].data)[20, 7] == 5
    assert np.asarray(state.session[address].data)[20, 7] == 0
    assert state.role("Vessels", "labels") == edited
    layer.data_setitem((np.array([21]), np.array([7])), 5)
    layer.events.paint(value=[])
    assert state.settle() == [edited]
    assert np.asarray(state.session[edited].data)[21, 7] == 5


@pytest.mark.parametrize("with_volume", [False, True])
def test_edited_labels_come_back_on_their_own_grid(
    state: ViewerState, with_volume: bool
) -> None:
    permuted = np.array([[0, 0, 2.0], [-1, 0, 0], [0, 1, 0]])
    volume = Labels.from_array(
        np.arange(24, dtype=np.int32).reshape(2, 3, 4),
        "zyx",
        grid_to_space=Affine.from_linear(permuted, (0, 0, 0), "zyx"),
        name="cells",
    )
    item = volume if with_volume else labels()
    address = state.session.add(item)
    if not with_volume:
        state.show([state.session.add(volume)])
    state.show([address])
    layer = state.layer_of(address)
    assert layer is not None
    layer.events.paint(value=[])
    edited = state.session[state.adopt(layer)]
    np.testing.assert_array_equal(edited.data, item.data)
    np.testing.assert_array_equal(
        edited.grid_to_space.matrix, item.grid_to_space.matrix
    )


def test_drawn_shapes_become_regions_in_micrometres(
    viewer: ViewerModel, state: ViewerState
) -> None:
    study = state.session.study
    study.set_edge(edge("slide", "block", (100, 200)))
    state.show([state.session.add(image())])
    square = np.array([[0, 0], [0, 10], [10, 10], [10, 0]], float)
    layer = ShapesLayer(
        [square, square, square[:2]],
        shape_type=["polygon", "ellipse", "line"],
        translate=(5, 5),
        features={"name": ["rim", "", ""]},
    )
    viewer.add_layer(layer)
    (address,) = state.settle()
    regions = state.session[address]
    assert regions.space == "block"
    assert regions.names == ("rim", "Region 2")
    np.testing.assert_allclose(regions.polygons[0], square + 5)
    radius = np.linalg.norm(regions.polygons[1] - (10, 10), axis=1)
    np.testing.assert_allclose(radius, 5)
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    assert viewer.layers.extent.units is not None


def test_a_layer_without_area_or_pixel_size_is_refused(
    viewer: ViewerModel, state: ViewerState
) -> None:
    line = ShapesLayer([np.array([[0, 0], [1, 1]])], shape_type="line")
    viewer.add_layer(line)
    with pytest.raises(WrongInput, match="holds no area"):
        state.adopt(line)
    foreign = viewer.add_image(np.zeros((4, 5)))
    with pytest.raises(MissingCalibration, match="how large its pixels are"):
        state.adopt(foreign)


def test_a_layer_moved_by_hand_becomes_a_transform_to_be_accepted(
    state: ViewerState,
) -> None:
    fixed, moving, other = (
        state.session.add(image(name, space))
        for name, space in (("HE", "block"), ("MSI", "msi"), ("ions", "msi"))
    )
    state.show([fixed, moving, other])
    told: list[int] = []
    state.edges_changed.connect(lambda: told.append(1))
    # Two objects in the space msi: it is the one that most are aligned to.
    assert state.reference == "msi"
    block = state.layer_of(fixed)
    assert block is not None
    for shift in (10.0, 20.0, 30.0):
        block.affine = np.array([[1, 0, shift], [0, 1, 5], [0, 0, 1.0]])
    found = [e for e in state.session.study.edges if e.moving == "block"]
    assert [(e.fixed, e.accepted, e.quality.method) for e in found] == [
        ("msi", False, "by hand")
    ]
    np.testing.assert_allclose(found[0].transform.shift, (30, 5))
    assert told
    assert state.moving.undo()
    assert not [e for e in state.session.study.edges if e.moving == "block"]
    np.testing.assert_array_equal(block.affine.affine_matrix, np.eye(3))
    assert state.moving.redo()
    np.testing.assert_allclose(block.affine.translate, (30, 5))


def test_layers_of_one_space_move_together(state: ViewerState) -> None:
    study = state.session.study
    study.set_edge(edge("msi", "he", (1, 1)))
    study.set_edge(edge("he", "block", (10, 10)))
    names = {n: state.session.add(image(n, n)) for n in ("msi", "he", "block")}
    state.show(names.values())
    he, msi = state.layer_of(names["he"]), state.layer_of(names["msi"])
    assert he is not None
    assert msi is not None
    np.testing.assert_allclose(msi.affine.translate, (11, 11))
    he.affine = np.array([[1, 0, 50], [0, 1, 60], [0, 0, 1.0]])
    np.testing.assert_allclose(msi.affine.translate, (51, 61))
    msi.affine = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    np.testing.assert_allclose(he.affine.translate, (50, 60))
    assert study.transform("msi", "block").matrix == pytest.approx(np.eye(3))
    assert study.path_edges("he", "block")[0].quality.method == "by hand"


def test_what_others_are_aligned_to_stays(state: ViewerState, capsys: Any) -> None:
    address = state.session.add(image())
    (layer,) = state.show([address])
    layer.affine = np.array([[1, 0, 5], [0, 1, 5], [0, 0, 1.0]])
    assert state.session.study.edges == []
    np.testing.assert_array_equal(layer.affine.affine_matrix, np.eye(3))


def test_roles_are_guessed_and_the_user_wins(state: ViewerState) -> None:
    first = state.session.add(image("CD31", role="Vessels"))
    mask = state.session.add(labels(role="Vessels"))
    second = state.session.add(image("other"))
    assert state.role("Vessels", "image") is not None
    assert state.candidates("Vessels", ("labels",)) == [mask]
    assert state.candidates("Vessels", ("image", "labels")) == [first, mask]
    told: list[int] = []
    state.roles_changed.connect(lambda: told.append(1))
    state.set_role(second, "Vessels")
    assert state.role("Vessels", "image") == second
    assert state.role("Vessels", "labels") == mask
    state.set_role(second, None)
    assert state.role("Vessels", "image") == first
    assert state.role("Drug", "image") is None
    assert len(told) == 2


def study_of_two_sections(state: ViewerState, monkeypatch: Any) -> None:
    """Two sections of two files each, whose samples are made up."""

    def read(path: Any, **_: Any) -> Opened:
        return Opened(path, "made up", (image(path.stem.partition("_")[2], path.stem),))

    monkeypatch.setattr("nanoscape.io.open_file", read, raising=False)
    for section in ("s1", "s2"):
        for name in ("CD31", "Doxorubicin"):
            state.session.study.add(
                Source(
                    id=f"{section}_{name}",
                    path=f"{section}_{name}.tif",
                    tags=Tags.of("sheet", subject="m1", section=section),
                )
            )


def test_the_pet_of_a_pet_ct_is_no_anatomy() -> None:
    for modality, role in (("PT", None), ("CT", "Anatomy")):
        tagged = with_role(image("PET-CT SERIES", modality=modality))
        assert tagged.tags.get("role") == role


def test_one_scene_at_a_time_and_looks_are_remembered(
    viewer: ViewerModel, state: ViewerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_of_two_sections(state, monkeypatch)
    first, second = state.scenes
    state.set_scene(first.id)
    assert [state.address_of(layer) for layer in viewer.layers] == [
        "s1_CD31",
        "s1_Doxorubicin",
    ]
    assert state.role("Vessels", "image") == "s1_CD31"
    assert state.role("Drug", "image") == "s1_Doxorubicin"
    viewer.layers[0].colormap = "turbo"
    foreign = viewer.add_points(np.zeros((1, 2)), name="mine")
    state.step_scene(1)
    assert state.scene is not None
    assert state.scene.id == second.id
    assert state.role("Vessels", "image") == "s2_CD31"
    state.step_scene(1)
    shown = state.layer_of("s1_CD31")
    assert shown is not None
    assert shown.colormap.name == "turbo"
    drawn = state.layer_of("mine")
    assert drawn is not None
    np.testing.assert_array_equal(drawn.data, foreign.data)


def test_the_next_scene_takes_over_image_layers(
    viewer: ViewerModel, state: ViewerState
) -> None:
    """The images of two sections share layers; labels painted on do not."""
    study = state.session.study
    for section, factor in (("s1", 1.0), ("s2", 3.0)):
        tags = {"subject": "m1", "section": section}
        known = Tags.of("user", **tags)
        study.add(Source(id=section, path=f"{section}.tif", tags=known))
        for name in ("CD31", "DAPI") if section == "s1" else ("DAPI", "CD31"):
            shown = Image.from_array(
                np.arange(20.0).reshape(4, 5) * factor,
                "yx",
                spacing=factor,
                name=name,
                tags=known,
            )
            state.session.put(f"{section}/{name}", shown)
        state.session.put(f"{section}/cells", labels("cells", **tags))
    first, second = state.scenes
    state.set_scene(first.id)
    cd31, dapi, cells = (state.layer_of(f"s1/{n}") for n in ("CD31", "DAPI", "cells"))
    cd31.gamma, cd31.visible, cd31.contrast_limits = 0.5, False, (2, 3)
    cells.paint((0, 0), 7)
    state.set_scene(second.id)
    assert [state.address_of(layer) for layer in viewer.layers] == [
        "s2/DAPI",
        "s2/CD31",
        "s2/cells",
    ]
    assert list(viewer.layers)[:2] == [dapi, cd31]
    assert [layer.name for layer in viewer.layers] == ["DAPI", "CD31", "cells"]
    np.testing.assert_array_equal(cd31.data, state.session["s2/CD31"].data)
    np.testing.assert_allclose(cd31.scale, 3.0)
    assert cd31.visible
    assert cd31.gamma == 1.0
    assert cd31.contrast_limits[1] > 40
    fresh = state.layer_of("s2/cells")
    assert fresh is not cells
    fresh.undo()
    np.testing.assert_array_equal(fresh.data, state.session["s2/cells"].data)
    cd31.affine = [[1, 0, 4], [0, 1, 0], [0, 0, 1]]
    assert state.settle() == []
    state.set_scene(first.id)
    assert list(viewer.layers)[:2] == [cd31, dapi]
    assert cd31.gamma == 0.5
    assert not cd31.visible
    assert tuple(cd31.contrast_limits) == (2, 3)
    np.testing.assert_allclose(cd31.scale, 1.0)
    edited = state.layer_of("cells (edited)")
    assert edited is not None
    assert edited.data[0, 0] == 7


def test_undo_does_not_bring_back_what_was_painted_before_a_run(
    state: ViewerState,
) -> None:
    address = state.session.add(labels("cells"))
    (layer,) = state.show([address])
    layer.paint((0, 0), 7)
    state.session.put(address, labels("cells"))
    state.show([address])
    layer.undo()
    np.testing.assert_array_equal(layer.data, state.session[address].data)
    assert layer.editable


def test_a_role_given_by_the_user_is_saved_with_the_study(
    state: ViewerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_of_two_sections(state, monkeypatch)
    state.set_scene(state.scenes[0].id)
    state.set_role("s1_CD31", "Perfusion")
    tags = state.session.study.sources["s1_CD31"].objects["CD31"]
    assert (tags["role"], tags.origin("role")) == ("Perfusion", "user")


def test_a_closed_layer_keeps_its_object(
    viewer: ViewerModel, state: ViewerState
) -> None:
    address = state.session.add(image())
    (layer,) = state.show([address])
    viewer.layers.remove(layer)
    assert address in state.session
    assert state.layer_of(address) is None
    (again,) = state.show([address])
    assert again.metadata == {KEY: address}


def test_large_labels_stay_lazy_and_cannot_be_painted(state: ViewerState) -> None:
    array = da.zeros((4096, 2048), chunks=1024, dtype=np.uint32)
    item = Labels.from_array(array, "yx", spacing=1.0, name="cells")
    (layer,) = state.show([state.session.add(item)])
    assert isinstance(layer.data, da.Array)
    assert not layer.editable


def test_an_outcome_may_be_a_transform(
    state: ViewerState, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [state.session.add(image(n, n)) for n in ("msi", "block")]
    state.show(names)
    layer = state.layer_of("msi")
    assert layer is not None
    operation = "registration.align_landmarks"
    spec = resolve(operation)
    outputs = {"edge": edge("msi", "block", (7, 8)), "table": TABLE}
    assert {port.name for port in spec.outputs} == set(outputs)
    outcome = Outcome(spec, {}, outputs, started="", seconds=0.0)
    state.keep(operation, {}, outcome)
    np.testing.assert_allclose(layer.affine.translate, (7, 8))
    assert state.moving.undo()
    np.testing.assert_allclose(layer.affine.translate, (0, 0))


def test_a_saved_study_comes_back_with_its_results(
    viewer: ViewerModel,
    state: ViewerState,
    fake_operations: None,
    tmp_path: Path,
) -> None:
    path = tmp_path / "CD31.ome.tif"
    io.write(image(), path)
    state.open_paths([path])
    name, inputs = "segmentation.bright_places", {"image": "CD31"}
    record = state.keep(name, inputs, state.session.compute(name, inputs))
    (result,) = record.outputs.values()
    expected = np.asarray(state.session[result].data)
    state.session.save(tmp_path / "study")
    state.open_study(tmp_path / "study")
    assert [state.address_of(layer) for layer in viewer.layers] == ["CD31", result]
    np.testing.assert_array_equal(state.session[result].data, expected)


def test_a_file_of_a_study_that_is_gone_does_not_stop_the_others(
    viewer: ViewerModel,
    state: ViewerState,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr("nanoscape._napari.arrivals.show_error", told.append)
    for name in ("here", "gone"):
        io.write(image(name), tmp_path / f"{name}.ome.tif")
        state.open_paths([tmp_path / f"{name}.ome.tif"])
    state.session.save(tmp_path / "study")
    (tmp_path / "gone.ome.tif").unlink()
    state.open_study(tmp_path / "study")
    assert [layer.name for layer in viewer.layers] == ["here"]
    assert len(told) == 1
    assert "gone.ome.tif" in told[0]
