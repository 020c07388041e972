"""From the axes of a file to images: channels become a group, the rest ``tzyx``."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import dask.array as da

from nanoscape.errors import UnreadableFile
from nanoscape.model import Affine, Image, ImageGroup, Quantity, Tags
from nanoscape.model.raster import pyramid_levels
from nanoscape.model.roles import guess_role

_WAVELENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*nm")


@dataclass(frozen=True, kw_only=True)
class Stack:
    """An array as a file holds it, with what the file says of it.

    Attributes
    ----------
    arrays
        Resolutions, the finest first.
    axes
        Letters of all axes of the arrays, of ``t c z y x s``; ``s`` are colours.
    name, space, quantity, tags
        Of the images.
    channels
        Names of the channels, empty where the file gives none.
    channel_tags
        What is known of each channel beyond that; empty for nothing.
    times
        Seconds of the frames.
    """

    arrays: Sequence[da.Array]
    axes: str
    name: str
    space: str
    channels: Sequence[str] = ()
    channel_tags: Sequence[Tags] = ()
    times: Sequence[float] | None = None
    quantity: Quantity = field(default_factory=Quantity)
    tags: Tags = field(default_factory=Tags)


def without_single(stack: Stack, droppable: str) -> Stack:
    """Return the stack without those axes of ``droppable`` that have one element."""
    sizes = dict(zip(stack.axes, stack.arrays[0].shape, strict=True))
    keep = [a for a in stack.axes if not (a in droppable and sizes[a] == 1)]
    index = tuple(slice(None) if a in keep else 0 for a in stack.axes)
    times = stack.times if "t" in keep else None
    arrays = [array[index] for array in stack.arrays]
    return dataclasses.replace(stack, arrays=arrays, axes="".join(keep), times=times)


def ordered(stack: Stack) -> Stack:
    """Return the stack with its axes in the order ``c t z y x s``."""
    order = "ctzyxs"
    unknown = [axis for axis in stack.axes if axis not in order]
    if unknown or not {"y", "x"} <= set(stack.axes):
        raise UnreadableFile(
            f"{stack.name} has the axes {stack.axes}",
            "y and x with z, time, channels or colours",
        )
    axes = "".join(axis for axis in order if axis in stack.axes)
    if axes == stack.axes:
        return stack
    permutation = [stack.axes.index(axis) for axis in axes]
    arrays = [array.transpose(permutation) for array in stack.arrays]
    return dataclasses.replace(stack, arrays=arrays, axes=axes)


def build(stack: Stack, grid_to_space: Affine) -> Image | ImageGroup:
    """Return an image, or a group with one image for each channel."""
    stack = ordered(stack)
    if stack.axes[0] != "c":
        named = stack.channels[0] if len(stack.channels) == 1 else ""
        if named and stack.channel_tags:
            tags = stack.tags.merged(stack.channel_tags[0])
            stack = dataclasses.replace(stack, tags=tags)
        return _image(stack, stack.arrays, stack.name, named, grid_to_space)
    count = int(stack.arrays[0].shape[0])
    inner = dataclasses.replace(stack, axes=stack.axes[1:])
    names = unique_names(stack.channels, count)
    own = stack.channel_tags or [Tags()] * count
    images = tuple(
        _image(
            dataclasses.replace(inner, tags=stack.tags.merged(tags)),
            [array[i] for array in stack.arrays],
            name,
            name,
            grid_to_space,
        )
        for i, (name, tags) in enumerate(zip(names, own, strict=True))
    )
    group = ImageGroup(
        images=images, coordinate="channel", name=stack.name, tags=stack.tags
    )
    wavelengths = [_WAVELENGTH.fullmatch(name) for name in names]
    values = [float(found[1]) for found in wavelengths if found]
    return by_wavelength(group, values) if len(values) == count else group


def by_wavelength(group: ImageGroup, wavelengths: Sequence[float]) -> ImageGroup:
    """Return a group whose images differ in the wavelength of their light in nm.

    Channels named by a wavelength alone are no dyes: the group is a spectrum at each
    pixel, as in photoacoustic or hyperspectral images. A guess that it comes from a
    microscope is dropped.
    """
    images = tuple(
        image.replace(
            tags=_unguessed(image.tags).having("header", wavelength_nm=wavelength)
        )
        for image, wavelength in zip(group, wavelengths, strict=True)
    )
    tags = _unguessed(group.tags)
    return dataclasses.replace(
        group, images=images, coordinate="wavelength_nm", tags=tags
    )


def _unguessed(tags: Tags) -> Tags:
    guessed = "modality" in tags and tags.origin("modality") == "guess"
    return Tags(
        {k: tag for k, tag in tags.tags.items() if not (guessed and k == "modality")}
    )


def unique_names(given: Sequence[str], count: int) -> list[str]:
    """Return one name for each channel; empty ones are numbered, doubles told apart."""
    names: list[str] = []
    for number in range(count):
        name = str(given[number]).strip() if number < len(given) else ""
        name = name or f"channel {number + 1}"
        base, copy = name, 2
        while name in names:
            name, copy = f"{base} ({copy})", copy + 1
        names.append(name)
    return names


def _image(
    stack: Stack,
    arrays: Sequence[da.Array],
    name: str,
    channel: str,
    grid_to_space: Affine,
) -> Image:
    tags = stack.tags.merged(Tags.of("header", channel=channel or None))
    tags = tags.merged(Tags.of("guess", role=guess_role(channel or name)))
    rgb = stack.axes.endswith("s")
    return Image(
        levels=pyramid_levels(arrays, stack.axes.rstrip("s")),
        axes=stack.axes.rstrip("s"),
        grid_to_space=grid_to_space,
        space=stack.space,
        name=name,
        quantity=stack.quantity,
        tags=tags,
        times=None if stack.times is None else tuple(stack.times),
        rgb=rgb,
    )
