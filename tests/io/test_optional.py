"""Without the libraries of the extra, a file is recognised and the extra named."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from microscope_writers import lif_image, write_lif, write_oif

from nanoscape.errors import MissingDependency
from nanoscape.io import read

DATA = np.zeros((1, 1, 1, 8, 9), np.uint16)


def lif(path: Path) -> None:
    steps = {"Y": 1e-6, "X": 1e-6}
    write_lif(path, [lif_image("a", DATA[0, 0, 0], "YX", steps)])


def oif(path: Path) -> None:
    write_oif(path, DATA)


def nd2(path: Path) -> None:
    path.write_bytes(b"\xda\xce\xbe\x0a" + bytes(100))


def ims(path: Path) -> None:
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))


@pytest.mark.parametrize(
    ("write", "library"),
    [(lif, "liffile"), (oif, "oiffile"), (nd2, "nd2"), (ims, "h5py")],
)
def test_a_missing_library_is_named(
    write: Any, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a.{write.__name__}"
    write(path)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependency, match=rf"{library}.*\[formats\]"):
        read(path)
