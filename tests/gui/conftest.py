from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

import nanoscape.segmentation
from nanoscape._napari.state import ViewerState, state_of
from nanoscape.model import Image, Tags
from nanoscape.workflow import registry


@pytest.fixture(autouse=True)
def _collecting(collecting_on_the_main_thread: None) -> None:
    pass


FAKES = ("everything", "bright_places", "count_pixels", "slow", "broken")


@pytest.fixture
def fake_operations(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make small operations known as ``segmentation.<name>``."""
    for name in FAKES:
        monkeypatch.setitem(
            nanoscape.segmentation.OPERATIONS, name, f"fake_operations:{name}"
        )
    registry.operation_names.cache_clear()
    yield
    registry.operation_names.cache_clear()
    registry.resolve.cache_clear()


@pytest.fixture
def viewer(qapp: Any) -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def state(viewer: ViewerModel) -> ViewerState:
    return state_of(viewer)


@pytest.fixture
def slide(state: ViewerState) -> list[str]:
    """Addresses of a vessel stain and a carrier on one slide, shown as layers."""
    plane = np.zeros((40, 50), dtype=np.float32)
    plane[10:14] = 1
    addresses = [
        state.session.add(
            Image.from_array(
                plane * scale,
                "yx",
                spacing=0.5,
                space="slide",
                name=name,
                tags=Tags.of("header", role=role, subject="m1", section="s1"),
            )
        )
        for name, role, scale in (("CD31", "Vessels", 1), ("Liposome", "Carrier", 2))
    ]
    state.show(addresses)
    return addresses
