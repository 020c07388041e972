from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nanoscape.phantom.cohort import CohortPlan, Group
from nanoscape.phantom.reference import ReferencePlan, make_reference

PLAN = ReferencePlan(
    size_um=1000.0,
    slide_pixel_um=4.0,
    cohort=CohortPlan((Group("one"),), 1, 1, 1),
    instruments=("laser", "ct"),
)
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
from test_killed import PLAN, make_reference
make_reference(sys.argv[1], PLAN)
"""


def files_of(folder: Path) -> dict[str, bytes]:
    """Return all files that do not hold the time."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "study.yaml"
    }


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    out = tmp_path / "killed"
    here = str(Path(__file__).parent)
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, str(out), here])
    until = time.monotonic() + 120
    while not list(out.glob("images/*")) and time.monotonic() < until:
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (out / "study.yaml").exists()
    make_reference(out, PLAN)
    make_reference(tmp_path / "whole", PLAN)
    killed, whole = files_of(out), files_of(tmp_path / "whole")
    assert killed.keys() == whole.keys()
    assert [name for name in whole if killed[name] != whole[name]] == []
