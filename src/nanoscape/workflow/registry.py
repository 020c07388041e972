"""Operations by name, without importing their rooms before they are needed."""

from __future__ import annotations

import functools
import importlib

from nanoscape.errors import WrongInput
from nanoscape.operation import OperationSpec, spec_of

ROOMS = (
    "msi",
    "quantify",
    "registration",
    "segmentation",
    "statistics",
    "plotting",
)
"""Rooms that hold operations, in the order in which a study goes through them."""


@functools.cache
def operation_names() -> tuple[str, ...]:
    """Return all qualified names, such as ``segmentation.vessels``."""
    return tuple(f"{room}.{name}" for room in ROOMS for name in _table(room))


@functools.cache
def resolve(name: str) -> OperationSpec:
    """Return the description of an operation, importing its module.

    Parameters
    ----------
    name
        Qualified name, with or without the version: ``segmentation.vessels@1``.

    Raises
    ------
    WrongInput
        If there is no operation of that name or not in that version.
    """
    plain, _, version = name.partition("@")
    room, _, short = plain.partition(".")
    target = _table(room).get(short) if room in ROOMS else None
    if target is None:
        raise WrongInput(
            f"there is no operation named {plain!r}", f"one of {_listed()}"
        )
    module, _, function = target.partition(":")
    spec = spec_of(getattr(importlib.import_module(module), function))
    if version and version != str(spec.version):
        raise WrongInput(
            f"{plain} is asked for in version {version}",
            f"version {spec.version}, the one installed",
            "check the result of the new version, then change the recipe",
        )
    return spec


def _table(room: str) -> dict[str, str]:
    table: dict[str, str] = importlib.import_module(f"nanoscape.{room}").OPERATIONS
    return table


def _listed() -> str:
    return ", ".join(operation_names())
