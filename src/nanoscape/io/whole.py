"""New files that are complete under their name, or not there at all."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from nanoscape.errors import NanoscapeError, WrongInput


def check_new(path: Path) -> None:
    """Raise :class:`WrongInput` unless a file can be made under a name."""
    if path.exists():
        raise WrongInput(
            f"{path} exists already", todo="choose another name, or delete it first"
        )
    if not path.parent.is_dir():
        raise WrongInput(f"the folder {path.parent} does not exist", todo="create it")


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a hidden sibling to write, which takes the name when all went well.

    Raises
    ------
    WrongInput
        If the name is taken.
    NanoscapeError
        If the file cannot be written.
    """
    check_new(path)
    new = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        new.touch(exist_ok=False)
        try:
            yield new
            check_new(path)
            new.rename(path)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise NanoscapeError(
            f"{path} cannot be written: {error.strerror or error}",
            todo="check the free space and your rights in the folder",
        ) from error
