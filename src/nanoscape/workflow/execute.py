"""One run of one operation, checked on the way in."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import nanoscape
from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.model import ImageGroup
from nanoscape.operation import OperationSpec, Port
from nanoscape.workflow.registry import resolve

_LIBRARIES = ("numpy", "scipy", "scikit-image", "numba", "dask", "zarr")


@dataclass(frozen=True)
class Outcome:
    """What one run gave.

    Attributes
    ----------
    spec
        The operation.
    parameters
        All parameters, defaults included.
    outputs
        Model objects by output, as :func:`spread` returns them.
    started
        Start in UTC, ISO 8601.
    seconds
        How long it took.
    """

    spec: OperationSpec
    parameters: dict[str, Any]
    outputs: dict[str, Any]
    started: str
    seconds: float


def execute(
    name: str,
    inputs: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    *,
    task: Task | None = None,
) -> Outcome:
    """Run an operation on model objects.

    Parameters
    ----------
    name
        Qualified name, such as ``"segmentation.vessels"``.
    inputs
        Model objects by input; optional ones may be missing.
    parameters
        Values by parameter; defaults for those not given.
    task
        Progress.

    Raises
    ------
    WrongInput
        If an input is missing or of another kind, or a parameter not allowed.
    """
    spec = resolve(name)
    values = spec.check_parameters(parameters or {})
    arguments = {port.name: check_input(spec, port, inputs) for port in spec.inputs}
    unknown = sorted(set(inputs) - set(arguments))
    if unknown:
        raise WrongInput(
            f"{spec.title} has no input named {unknown[0]!r}",
            "one of " + ", ".join(arguments),
        )
    if spec.takes_task:
        arguments["task"] = task
    started, clock = datetime.now(UTC), time.perf_counter()
    result = spec.function(**arguments, **values)
    return Outcome(
        spec=spec,
        parameters=values,
        outputs=spread(spec.unpack(result)),
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - clock, 3),
    )


def spread(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return outputs with the images of a group one by one.

    What is shown, chosen and saved are single images; those of an output ``images``
    are ``images.1``, ``images.2`` and so on.
    """
    found: dict[str, Any] = {}
    for name, item in outputs.items():
        if isinstance(item, ImageGroup):
            found |= {f"{name}.{n}": image for n, image in enumerate(item, start=1)}
        else:
            found[name] = item
    return found


def port_name(output: str) -> str:
    """Return the output of an operation that an object is, or is one image of."""
    return output.partition(".")[0]


def check_input(spec: OperationSpec, port: Port, inputs: Mapping[str, Any]) -> Any:
    """Return the object given for one input, or say what is missing."""
    value = inputs.get(port.name)
    if value is None and port.optional:
        return None
    items = value if port.many and isinstance(value, list | tuple) else [value]
    for item in items:
        if not isinstance(item, port.types):
            kinds = " or ".join(port.kinds)
            found = getattr(item, "kind", None)
            raise WrongInput(
                f"{spec.title} was given {found or 'nothing'} for {port.label!r}",
                kinds,
                f"choose {kinds} for it",
            )
    return list(items) if port.many else value


def tagged_outputs(
    spec: OperationSpec,
    outputs: Mapping[str, Any],
    scope: Mapping[str, str],
    given: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return outputs that know where they belong and which role they take.

    Parameters
    ----------
    spec
        The operation, whose outputs may have a role.
    outputs
        Model objects by output.
    scope
        Subject, lesion and section, as far as they are known.
    given
        Tags that a recipe or user gives, by output; they win.
    """
    tagged = {}
    roles = {port.name: port.role for port in spec.outputs}
    given = given or {}
    for name, item in outputs.items():
        port = port_name(name)
        role = {"role": roles[port]} if roles[port] else {}
        tags = item.tags.having("sheet", **scope, **role)
        tags = tags.having("user", **given.get(port, {}))
        tags = tags.having("user", **given.get(name, {}))
        tagged[name] = item.replace(tags=tags)
    return tagged


def software_versions() -> dict[str, str]:
    """Return the versions of the program and of the libraries that compute."""
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {
        "napari-nanoscape": nanoscape.__version__,
        "python": platform.python_version(),
        **versions,
    }
