"""What the package promises to those who import it."""

from __future__ import annotations

import doctest
import importlib
import importlib.metadata
from pathlib import Path

import pytest

import nanoscape

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"


def with_examples() -> list[str]:
    """Return the modules whose docstrings show examples, the window's left out."""
    return [
        ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(
            ".__init__"
        )
        for path in sorted((SOURCE / "nanoscape").rglob("*.py"))
        if "_napari" not in path.parts and ">>> " in path.read_text("utf-8")
    ]


@pytest.mark.parametrize("name", nanoscape.__all__)
def test_a_public_name_resolves(name: str) -> None:
    assert getattr(nanoscape, name) is not None
    assert name in dir(nanoscape)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'vessel'"):
        nanoscape.vessel  # noqa: B018


def test_the_version_is_that_of_the_distribution() -> None:
    assert nanoscape.__version__ == importlib.metadata.version("napari-nanoscape")


@pytest.mark.parametrize("name", with_examples())
def test_examples_in_docstrings_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_command_line_is_installed() -> None:
    (script,) = importlib.metadata.entry_points(
        group="console_scripts", name="nanoscape"
    )
    assert callable(script.load())


def commands_of_readme() -> list[str]:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    return [line for line in lines if " -m tox run -e " in line]


def test_the_readme_has_two_commands_and_checks_use_the_second() -> None:
    demo, tests = commands_of_readme()
    assert demo.endswith("tox run -e demo")
    assert tests.endswith("tox run -e tests")
    assert tests in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()


def test_links_within_the_documents_lead_somewhere() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    dead = [
        f"{document.name}: {target}"
        for document in documents
        for target in links(document.read_text("utf-8"))
        if not (document.parent / target).exists()
    ]
    assert not dead


def links(text: str) -> list[str]:
    """Return the local files that a Markdown text links to or shows."""
    targets = [part.partition(")")[0] for part in text.split("](")[1:]]
    local = [target.partition("#")[0] for target in targets if "://" not in target]
    return [target for target in local if target]
