"""What an image looks like at first."""

from __future__ import annotations

import pytest

from nanoscape._napari.look import image_look
from nanoscape.model import Image, Tags


@pytest.mark.parametrize(("inverted", "colormap"), [(True, "gray_r"), (None, "gray")])
def test_an_image_that_is_meant_to_be_seen_inverted_is(
    inverted: bool | None, colormap: str
) -> None:
    tags = Tags.of("header", modality="US", shown_inverted=inverted)
    image = Image.from_array([[0.0, 1.0]], "yx", spacing=1.0, tags=tags)
    look = image_look(image)
    assert look["colormap"] == colormap
    assert look["opacity"] == 1
