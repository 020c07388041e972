from __future__ import annotations

import gc
from pathlib import Path

import numpy as np

from nanoscape.compute import Threads
from nanoscape.compute.scratch import MEMORY_LIMIT, ScratchArray, new_array


def test_a_large_array_takes_its_folder_along_when_it_goes(tmp_path: Path) -> None:
    rows = MEMORY_LIMIT // 1024 + 1
    array = new_array((rows, 1024), np.uint8, (512, 512), Threads(scratch=tmp_path))
    assert isinstance(array, ScratchArray)
    copy = ScratchArray(array.path)
    del copy
    gc.collect()
    assert Path(array.path).is_dir()
    del array
    gc.collect()
    assert list(tmp_path.iterdir()) == []
