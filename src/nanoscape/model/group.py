"""Images that share a grid: channels, ions, echoes, gates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from nanoscape.errors import WrongInput
from nanoscape.model.image import Image
from nanoscape.model.tags import Tags


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageGroup:
    """Images on one grid that differ in one coordinate.

    Attributes
    ----------
    images
        The members, in order of the coordinate.
    coordinate
        What differs, such as ``"channel"``, ``"ion"`` or ``"echo"``; each image
        may carry its value as the tag of that name.
    name
        What it is, in a few words.
    tags
        What is known of all of them.
    """

    kind: ClassVar[str] = "group"

    images: tuple[Image, ...]
    coordinate: str
    name: str
    tags: Tags = field(default_factory=Tags)

    def __post_init__(self) -> None:
        if not self.images:
            raise WrongInput(f"{self.name} holds no images")
        first = self.images[0]
        for image in self.images[1:]:
            same = (
                image.shape == first.shape
                and image.axes == first.axes
                and image.space == first.space
                and (
                    image.grid_to_space is first.grid_to_space
                    or np.allclose(
                        image.grid_to_space.matrix, first.grid_to_space.matrix
                    )
                )
            )
            if not same:
                raise WrongInput(
                    f"{image.name} and {first.name} of {self.name} lie on other grids",
                    "one grid for all images of a group",
                )

    def __iter__(self) -> Iterator[Image]:
        return iter(self.images)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, name: str) -> Image:
        for image in self.images:
            if image.name == name:
                return image
        names = ", ".join(image.name for image in self.images)
        raise WrongInput(f"{self.name} has no image {name!r}", f"one of {names}")

    def coordinates(self) -> list[Any]:
        """Return the coordinate's value of each image, or its name without one."""
        return [image.tags.get(self.coordinate, image.name) for image in self.images]
