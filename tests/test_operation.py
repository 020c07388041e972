from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.model import Image, Labels, Table
from nanoscape.operation import Option, Role, operation, spec_of


@dataclass(frozen=True)
class Smoothing:
    """How to smooth.

    Attributes
    ----------
    width
        Width of the kernel.
    """

    width: Annotated[float, Option(unit="µm", minimum=0)] = 1.0


@dataclass(frozen=True)
class Both:
    """Two results.

    Attributes
    ----------
    mask
        The objects.
    table
        Their sizes.
    """

    mask: Annotated[Labels, Role("Vessels")]
    table: Table


@operation(version=3, title="Find things")
def find(
    image: Annotated[Image, Role("Carrier")],
    exclude: list[Labels] | None = None,
    *,
    diameters: Annotated[
        tuple[float, float], Option(unit="µm", minimum=0.1, maximum=500)
    ] = (4.0, 20.0),
    threshold: Annotated[float | None, Option(maximum=1.0)] = None,
    mode: Literal["bright", "dark"] = "bright",
    count: int = 3,
    smoothing: Smoothing = Smoothing(),
    task: Task | None = None,
) -> Both:
    """Find things in an image.

    Parameters
    ----------
    image
        Where to look.
    diameters
        Smallest and largest diameter;
        larger values find larger things.
    mode, count
        Shared text.
    """
    raise NotImplementedError


def test_the_signature_and_docstring_become_a_description():
    spec = spec_of(find)
    assert (spec.version, spec.title) == (3, "Find things")
    assert spec.summary == "Find things in an image."
    assert spec.takes_task
    image, exclude = spec.inputs
    assert (image.kinds, image.role, image.optional) == (("image",), "Carrier", False)
    assert image.help == "Where to look."
    assert (exclude.kinds, exclude.many, exclude.optional) == (("labels",), True, True)
    by_name = {p.name: p for p in spec.parameters}
    diameters = by_name["diameters"]
    assert diameters.help.endswith("larger values find larger things.")
    assert diameters.option.unit == "µm"
    assert len(diameters.items) == 2
    assert by_name["threshold"].optional
    assert by_name["mode"].choices == ("bright", "dark")
    assert by_name["smoothing"].items[0].option.unit == "µm"
    assert [(o.name, o.role) for o in spec.outputs] == [
        ("mask", "Vessels"),
        ("table", ""),
    ]


def test_values_from_a_recipe_become_typed():
    values = spec_of(find).check_parameters(
        {"diameters": [5, 30], "smoothing": {"width": 2}, "count": 4.0}
    )
    assert values == {
        "diameters": (5.0, 30.0),
        "threshold": None,
        "mode": "bright",
        "count": 4,
        "smoothing": Smoothing(2.0),
    }


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"diameters": [0, 3]}, "at least 0.1 µm"),
        ({"diameters": [1, 2, 3]}, "2 values"),
        ({"threshold": 2}, "at most 1"),
        ({"threshold": float("nan")}, "at most 1"),
        ({"mode": "grey"}, "one of 'bright', 'dark'"),
        ({"count": 1.5}, "a whole number"),
        ({"count": True}, "a whole number"),
        ({"smoothing": {"depth": 1}}, "one of the fields width"),
        ({"sharpness": 1}, "no setting named 'sharpness'"),
    ],
)
def test_values_that_are_not_allowed_are_refused(values, sentence):
    with pytest.raises(WrongInput, match=sentence):
        spec_of(find).check_parameters(values)


def bad_list(image: Image, *, sizes: list[float] = ()) -> Labels: ...
def bad_tuple(image: Image, *, sizes: tuple[float, ...] = ()) -> Labels: ...
def no_default(image: Image, *, size: float) -> Labels: ...
def bad_result(image: Image, *, size: float = 1.0) -> float: ...
def out_of_range(
    image: Image, *, size: Annotated[float, Option(minimum=2)] = 1.0
) -> Labels: ...


@pytest.mark.parametrize(
    "function", [bad_list, bad_tuple, no_default, bad_result, out_of_range]
)
def test_signatures_that_no_form_can_show_are_refused(function):
    with pytest.raises(TypeError):
        operation(version=1)(function)
