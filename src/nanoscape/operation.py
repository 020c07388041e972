"""One function, four uses: the decorator and the description it attaches.

An *operation* is a pure, typed function of model objects. From its signature
and docstring come a form in napari, a recorded step, a line of an exported
script and a step of a recipe. This module only describes; it runs nothing and
needs nothing but the standard library, so that every room may import it.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union

from nanoscape.errors import WrongInput
from nanoscape.parameter import Option, Parameter

__all__ = [
    "OperationSpec",
    "Option",
    "Parameter",
    "Port",
    "Role",
    "docstring_sections",
    "is_model_class",
    "operation",
    "spec_of",
]

Function = TypeVar("Function", bound=Callable[..., Any])

_SCALARS = (bool, int, float, str)


@dataclass(frozen=True)
class Role:
    """Which role an input plays or an output takes, given by ``Annotated``.

    Attributes
    ----------
    name
        The role.
    label
        Words for the form, where they are not the role.
    also
        Other roles whose objects a list of inputs takes by default.
    """

    name: str = ""
    label: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Port:
    """An input or output of an operation: where model objects go in and come out.

    Attributes
    ----------
    name
        Name of the argument or of the field of the result.
    types
        Model classes that may be given here.
    optional
        Whether ``None`` may be given.
    many
        Whether it is a list of objects.
    role
        The role from which it is filled by default, or which the result takes.
    label, help
        Plain words for the form.
    also
        Other roles from which a list is filled by default.
    """

    name: str
    types: tuple[type, ...]
    optional: bool = False
    many: bool = False
    role: str = ""
    label: str = ""
    help: str = ""
    also: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of the model classes, such as ``("image", "labels")``."""
        return tuple(cls.kind for cls in self.types)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class OperationSpec:
    """What there is to know about an operation without running it.

    Attributes
    ----------
    function
        The function itself.
    version
        Raised whenever the same input may give another result.
    title
        Plain words for the window.
    summary
        The first line of the docstring.
    inputs, parameters, outputs
        What goes in, what steers it, what comes out.
    takes_task
        Whether it reports progress and can be cancelled.
    result
        The frozen dataclass of several outputs, or ``None`` for one output.
    """

    function: Callable[..., Any]
    version: int
    title: str
    summary: str
    inputs: tuple[Port, ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[Port, ...]
    takes_task: bool
    result: type | None

    def check_parameters(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters, checked, with defaults for those not given.

        Raises
        ------
        WrongInput
            If a name is unknown or a value is not allowed.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in values:
            if name not in known:
                raise WrongInput(
                    f"{self.title} has no setting named {name!r}",
                    f"one of {', '.join(known)}" if known else "none",
                )
        return {
            name: parameter.check(values.get(name, parameter.default))
            for name, parameter in known.items()
        }

    def unpack(self, result: Any) -> dict[str, Any]:
        """Return the outputs of one call by name."""
        if self.result is None:
            return {self.outputs[0].name: result}
        return {port.name: getattr(result, port.name) for port in self.outputs}


def operation(
    *, version: int, title: str = "", role: str = ""
) -> Callable[[Function], Function]:
    """Attach an :class:`OperationSpec` to a function and return it unchanged.

    Arguments typed as model classes become inputs, all others parameters; the
    optional keyword ``task`` is neither. A signature that cannot be shown as a
    form and written to a recipe is refused at once.

    Parameters
    ----------
    version
        Version of the method, part of the key under which results are kept.
    title
        Plain words for the window; by default made from the function's name.
    role
        The role that a single output takes.

    Raises
    ------
    TypeError
        If the signature holds anything that is neither a model class nor one of
        the allowed kinds of parameter.
    """

    def attach(function: Function) -> Function:
        spec = _describe(function, version, title, role)
        function.operation = spec  # type: ignore[attr-defined]
        return function

    return attach


def spec_of(function: Callable[..., Any]) -> OperationSpec:
    """Return the description that :func:`operation` attached."""
    spec = getattr(function, "operation", None)
    if not isinstance(spec, OperationSpec):
        raise TypeError(f"{function!r} is not an operation")
    return spec


def is_model_class(annotation: Any) -> bool:
    """Whether an annotation is a class of model objects."""
    return isinstance(annotation, type) and isinstance(
        getattr(annotation, "kind", None), str
    )


def _describe(
    function: Callable[..., Any], version: int, title: str, role: str
) -> OperationSpec:
    hints = typing.get_type_hints(function, include_extras=True)
    texts = docstring_sections(inspect.getdoc(function) or "")
    inputs: list[Port] = []
    parameters: list[Parameter] = []
    takes_task = False
    for name, argument in inspect.signature(function).parameters.items():
        if name == "task":
            takes_task = True
            continue
        help_text = texts["parameters"].get(name, "")
        port = _port(name, hints[name], help_text)
        if port is not None:
            inputs.append(port)
        elif argument.default is inspect.Parameter.empty:
            raise TypeError(f"{function.__name__}: {name} needs a default value")
        else:
            parameters.append(
                _parameter(name, hints[name], argument.default, help_text)
            )
    outputs, result = _outputs(hints["return"], role, texts["returns"])
    return OperationSpec(
        function=function,
        version=version,
        title=title or function.__name__.replace("_", " ").capitalize(),
        summary=(inspect.getdoc(function) or "").split("\n", 1)[0],
        inputs=tuple(inputs),
        parameters=tuple(parameters),
        outputs=outputs,
        takes_task=takes_task,
        result=result,
    )


def _port(name: str, annotation: Any, help_text: str) -> Port | None:
    role = Role("")
    if typing.get_origin(annotation) is Annotated:
        annotation, *extras = typing.get_args(annotation)
        role = next((extra for extra in extras if isinstance(extra, Role)), role)
    annotation, optional = _split_optional(annotation)
    many = typing.get_origin(annotation) is list
    if many:
        (annotation,) = typing.get_args(annotation)
    members = _union_members(annotation)
    if not all(is_model_class(member) for member in members):
        return None
    label = role.label or role.name or name.replace("_", " ").capitalize()
    return Port(name, members, optional, many, role.name, label, help_text, role.also)


def _parameter(name: str, annotation: Any, default: Any, help_text: str) -> Parameter:
    option = Option()
    if typing.get_origin(annotation) is Annotated:
        annotation, *extras = typing.get_args(annotation)
        option = next((x for x in extras if isinstance(x, Option)), option)
    annotation, optional = _split_optional(annotation)
    kind: Any = annotation
    choices: tuple[Any, ...] = ()
    items: tuple[Parameter, ...] = ()
    if typing.get_origin(annotation) is Literal:
        kind, choices = Literal, typing.get_args(annotation)
    elif typing.get_origin(annotation) is tuple:
        kind, items = tuple, _tuple_items(name, annotation, default, option)
    elif _is_frozen_dataclass(annotation):
        items = _fields(annotation)
    elif annotation not in _SCALARS:
        raise TypeError(f"{name}: {annotation!r} cannot be shown as a form")
    parameter = Parameter(
        name, kind, default, optional, choices, items, option, help_text
    )
    try:
        parameter.check(default)
    except WrongInput as error:
        raise TypeError(f"{name}: the default is not allowed: {error}") from error
    return parameter


def _tuple_items(
    name: str, annotation: Any, default: Any, option: Option
) -> tuple[Parameter, ...]:
    members = typing.get_args(annotation)
    if Ellipsis in members or not members:
        raise TypeError(f"{name}: a tuple needs a fixed length")
    defaults = default if isinstance(default, tuple) else (None,) * len(members)
    items = []
    for index, (member, value) in enumerate(zip(members, defaults, strict=True)):
        kind, optional = _split_optional(member)
        if kind not in _SCALARS:
            raise TypeError(f"{name}: a tuple holds numbers, text or yes/no")
        item_option = dataclasses.replace(option, label=f"{name}[{index}]")
        items.append(Parameter(f"{name}[{index}]", kind, value, optional,
                               option=item_option))  # fmt: skip
    return tuple(items)


def _fields(cls: Any) -> tuple[Parameter, ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    texts = docstring_sections(inspect.getdoc(cls) or "")["attributes"]
    items = []
    for field in dataclasses.fields(cls):
        item = _parameter(
            field.name, hints[field.name], field.default, texts.get(field.name, "")
        )
        if dataclasses.is_dataclass(item.kind):
            raise TypeError(f"{cls.__name__}.{field.name}: one level of fields only")
        items.append(item)
    return tuple(items)


def _outputs(
    annotation: Any, role: str, texts: Mapping[str, str]
) -> tuple[tuple[Port, ...], type | None]:
    port = _port("", annotation, next(iter(texts.values()), ""))
    if port is not None:
        name = port.kinds[0]
        return (dataclasses.replace(port, name=name, role=role or port.role),), None
    if not _is_frozen_dataclass(annotation):
        raise TypeError(f"{annotation!r} is neither a model class nor a dataclass")
    hints = typing.get_type_hints(annotation, include_extras=True)
    documented = docstring_sections(inspect.getdoc(annotation) or "")["attributes"]
    ports = []
    for field in dataclasses.fields(annotation):
        port = _port(field.name, hints[field.name], documented.get(field.name, ""))
        if port is None:
            raise TypeError(f"{annotation.__name__}.{field.name} is no model class")
        ports.append(port)
    return tuple(ports), annotation


def _is_frozen_dataclass(annotation: Any) -> bool:
    return (
        isinstance(annotation, type)
        and dataclasses.is_dataclass(annotation)
        and annotation.__dataclass_params__.frozen  # type: ignore[attr-defined]
    )


def _union_members(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _split_optional(annotation: Any) -> tuple[Any, bool]:
    members = _union_members(annotation)
    rest = tuple(member for member in members if member is not type(None))
    if len(rest) == len(members):
        return annotation, False
    return (rest[0] if len(rest) == 1 else Union[rest]), True  # noqa: UP007


_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)


def docstring_sections(doc: str) -> dict[str, dict[str, str]]:
    """Return the described names of a NumPy docstring, by section.

    Parameters
    ----------
    doc
        A cleaned docstring.

    Returns
    -------
    dict
        For the sections ``parameters``, ``attributes`` and ``returns``, the text
        of each name; a heading such as ``a, b`` gives both the same text.
    """
    found: dict[str, dict[str, str]] = {"parameters": {}, "attributes": {}}
    found["returns"] = {}
    parts = _SECTION.split(doc)
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        section = found.get(title.strip().lower())
        if section is None:
            continue
        names: list[str] = []
        for line in body.splitlines():
            if line and not line[0].isspace():
                names = [name.strip() for name in line.split(":")[0].split(",")]
                section.update(dict.fromkeys(names, ""))
            elif line.strip():
                for name in names:
                    section[name] = f"{section[name]} {line.strip()}".strip()
    return found
