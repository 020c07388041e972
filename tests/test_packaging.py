"""What is imported is declared, what is declared is used, and none of it is GPL."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
INDIRECT = {
    "pyarrow": "pandas writes Parquet through it",
}
"""Declared though no line imports them, and why."""


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


BASE = names(PROJECT["dependencies"])
EXTRAS = {
    extra: names(requirements)
    for extra, requirements in PROJECT["optional-dependencies"].items()
}


@functools.cache
def distributions_of(module: str) -> frozenset[str]:
    found = importlib.metadata.packages_distributions().get(module, [])
    return frozenset(canonicalize_name(name) for name in found)


def imports(tree: ast.AST, *, deferred: bool) -> Iterator[str]:
    """Yield the top-level modules imported by the body or, deferred, inside it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import) and not deferred:
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not deferred and not node.level:
            yield (node.module or "").partition(".")[0]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from (imports(node, deferred=False) if deferred else ())
        elif not is_type_checking(node):
            yield from imports(node, deferred=deferred)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imported(*, deferred: bool, window: bool) -> Iterator[tuple[str, str]]:
    """Yield file and third-party module for all imports of the package."""
    own = {*sys.stdlib_module_names, "nanoscape"}
    for path in sorted((ROOT / "src" / "nanoscape").rglob("*.py")):
        if ("_napari" in path.parts) == window:
            tree = ast.parse(path.read_text("utf-8"))
            for module in imports(tree, deferred=deferred):
                if module not in own:
                    yield str(path.relative_to(ROOT)), module


def undeclared(found: Iterator[tuple[str, str]], declared: set[str]) -> list[str]:
    return [
        f"{path}: {module}"
        for path, module in found
        if not distributions_of(module) & declared
    ]


def test_modules_import_only_base_dependencies_when_loaded() -> None:
    assert not undeclared(imported(deferred=False, window=False), BASE)


def test_functions_import_only_declared_dependencies() -> None:
    declared = BASE.union(*EXTRAS.values())
    assert not undeclared(imported(deferred=True, window=False), declared)


@pytest.mark.parametrize("deferred", [False, True])
def test_the_window_imports_only_declared_dependencies(deferred: bool) -> None:
    declared = BASE | EXTRAS["napari"]
    assert not undeclared(imported(deferred=deferred, window=True), declared)


def test_every_dependency_is_used() -> None:
    used = set(INDIRECT)
    for deferred in (False, True):
        for window in (False, True):
            for _, module in imported(deferred=deferred, window=window):
                used |= distributions_of(module)
    assert used >= BASE


def test_the_base_brings_no_qt_binding() -> None:
    assert not {name for name in closure("") if re.match(r"(pyqt|pyside)\d", name)}


@pytest.mark.parametrize("extra", ["", "all"])
def test_no_dependency_is_under_the_gpl(extra: str) -> None:
    try:
        needed = closure(extra)
    except importlib.metadata.PackageNotFoundError as error:
        pytest.skip(f"the extra [{extra}] is not installed here: {error.name}")
    assert not {name: licence(name) for name in needed if only_gpl(licence(name))}


@functools.cache
def closure(extra: str) -> frozenset[str]:
    """Return the installed distributions that the package needs with an extra."""
    found: set[str] = set()
    waiting = [("napari-nanoscape", extra)]
    seen = set(waiting)
    while waiting:
        name, wanted = waiting.pop()
        found.add(name)
        for text in importlib.metadata.requires(name) or []:
            need = Requirement(text)
            if need.marker and not need.marker.evaluate({"extra": wanted}):
                continue
            for inner in ("", *need.extras):
                item = (canonicalize_name(need.name), inner)
                if item not in seen:
                    seen.add(item)
                    waiting.append(item)
    return frozenset(found - {"napari-nanoscape"})


def licence(name: str) -> str:
    """Return what a distribution says of its licence, in one line."""
    metadata = importlib.metadata.metadata(name)
    classifiers = metadata.get_all("Classifier") or []
    said = [
        metadata.get("License-Expression") or "",
        (metadata.get("License") or "").partition("\n")[0],
        *(text for text in classifiers if text.startswith("License ::")),
    ]
    return " / ".join(filter(None, said))


def only_gpl(text: str) -> bool:
    """Whether every licence that is offered is the GPL; the LGPL is not."""
    gpl = re.compile(r"(?<!L)GPL|(?<!Lesser )General Public License")
    return all(gpl.search(choice) for choice in re.split(r"\bOR\b", text))


def test_the_licence_check_tells_gpl_from_lgpl() -> None:
    assert only_gpl("GPL v3")
    assert only_gpl("License :: OSI Approved :: GNU General Public License v3")
    assert not only_gpl("LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only")
    assert not only_gpl("MIT")
