"""The house keeps its shape: arrows between rooms, what an import brings, sizes.

These tests read the source instead of running it, so that an import hidden in a
function counts like one at the top of a file.
"""

from __future__ import annotations

import ast
import functools
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nanoscape.operation import spec_of

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "nanoscape"

FOUNDATION = {"errors", "units", "parameter", "operation", "model"}
WORKING = {
    "io",
    "phantom",
    "msi",
    "quantify",
    "registration",
    "segmentation",
    "statistics",
    "plotting",
}
ARROWS = {
    "errors": set(),
    "units": {"errors"},
    "parameter": {"errors"},
    "operation": {"errors", "parameter"},
    "model": FOUNDATION,
    "compute": FOUNDATION,
    **dict.fromkeys(WORKING, FOUNDATION | {"compute"}),
    "workflow": FOUNDATION | {"compute", "io"},
    "demo": FOUNDATION | WORKING | {"compute", "workflow"},
    "cli": FOUNDATION | WORKING | {"compute", "workflow", "demo"},
    "__main__": {"cli"},
    "_napari": FOUNDATION | WORKING | {"compute", "workflow"},
}
"""What each room may import besides itself."""

IMPORTABLE = sorted(set(ARROWS) - {"__main__"})

WINDOW_LIBRARIES = {"napari", "magicgui", "qtpy", "superqt", "vispy"}
QT_BINDINGS = {"PyQt5", "PyQt6", "PySide2", "PySide6"}
MAX_MODULE_LINES = 450
MAX_BODY_LINES = 60


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def imported(path: Path) -> Iterator[tuple[ast.AST, str]]:
    """Yield the full name of all that a module imports, in functions too."""
    package = ["nanoscape", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node, f"{source}.{alias.name}") for alias in node.names)


def test_no_arrow_between_rooms_runs_back() -> None:
    wrong = []
    for path in modules():
        room = room_of(path)
        for node, name in imported(path):
            top, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if top != "nanoscape" or room == "__init__":
                continue
            if other not in ARROWS[room] | {room, "", "__version__"}:
                wrong.append(f"{place(path, node)}: {room} imports {name}")
    assert not wrong


def test_every_room_has_its_arrows() -> None:
    assert {room_of(path) for path in modules()} - {"__init__"} <= set(ARROWS)


def test_only_the_window_imports_napari_and_nobody_a_qt_binding() -> None:
    wrong = []
    for path in modules():
        allowed = WINDOW_LIBRARIES if room_of(path) == "_napari" else set()
        for node, name in imported(path):
            top = name.partition(".")[0]
            if top in (WINDOW_LIBRARIES | QT_BINDINGS) - allowed:
                wrong.append(f"{place(path, node)}: {name}")
    assert not wrong


def brought_by(statement: str) -> set[str]:
    """Return the top-level modules loaded by a statement in a fresh process."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_importing_the_package_brings_nothing_heavy() -> None:
    brought = brought_by("import nanoscape")
    third_party = brought - set(sys.stdlib_module_names) - {"__main__", "nanoscape"}
    before = brought_by("pass")
    assert third_party <= before


@pytest.mark.parametrize("room", [room for room in IMPORTABLE if room != "_napari"])
def test_importing_a_room_brings_no_window(room: str) -> None:
    brought = brought_by(f"import nanoscape.{room}")
    assert not brought & (WINDOW_LIBRARIES | QT_BINDINGS)


@pytest.mark.parametrize("room", sorted(WORKING - {"io", "phantom"}))
def test_naming_the_operations_of_a_room_imports_nothing_heavy(room: str) -> None:
    brought = brought_by(f"from nanoscape.{room} import OPERATIONS")
    assert not brought & {"numpy", "scipy", "dask", "pandas", "numba", "skimage"}


def is_operation(function: ast.stmt) -> bool:
    return isinstance(function, ast.FunctionDef) and any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Name)
        and decorator.func.id == "operation"
        for decorator in function.decorator_list
    )


def decorated(room: str) -> set[str]:
    """Return the operations that the source of a room holds, as the tables do."""
    found = set()
    for path in modules():
        if room_of(path) == room:
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            module = ".".join(parts).removesuffix(".__init__")
            operations = filter(is_operation, tree_of(path).body)
            found |= {f"{module}:{function.name}" for function in operations}
    return found


@pytest.mark.parametrize("room", IMPORTABLE)
def test_the_table_of_a_room_lists_its_operations(room: str) -> None:
    table = getattr(importlib.import_module(f"nanoscape.{room}"), "OPERATIONS", {})
    assert set(table.values()) == decorated(room)
    for name, target in table.items():
        module, _, function = target.partition(":")
        assert name == function
        assert spec_of(getattr(importlib.import_module(module), function))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how long the body is; what is said about it may be as long as it needs."""
    first, *others = function.body
    documented = ast.get_docstring(function) is not None
    if documented and not others:
        return 0
    start = others[0] if documented else first
    return (function.end_lineno or start.lineno) - start.lineno + 1


def test_modules_and_functions_stay_readable() -> None:
    too_long = []
    for path in modules():
        lines = len(path.read_text("utf-8").splitlines())
        if lines > MAX_MODULE_LINES:
            too_long.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = body_lines(node)
                if size > MAX_BODY_LINES:
                    too_long.append(f"{place(path, node)} {node.name}: {size} lines")
    assert not too_long


def test_no_file_names_a_folder_of_one_machine() -> None:
    homes = "/".join(["", "work", ""]), "/".join(["", "root", ""])
    wrong = []
    for folder in ("src", "tests", "docs", "benchmarks", "sample_data", ".ci"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".md", ".yaml", ".toml", ".json", ".csv", ""}:
                text = path.read_text("utf-8") if path.is_file() else ""
                wrong += [str(path) for name in homes if name in text]
    assert not wrong
