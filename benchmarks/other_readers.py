"""``python -m benchmarks.other_readers [FOLDER]``: beside other reader plugins.

Makes a virtual environment with this checkout's wheel, installs the reader plugins
that take some of the same names next to it, and opens files of each kind with and
without this plugin among them (``benchmarks/_side_by_side.py``). Exits with 1 when a
file is stolen, or opens differently because of this plugin.

It needs a package index and some minutes, so it is a command and not a test; what can
be shown with a plugin that is made up is in ``tests/gui/test_other_plugins.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from benchmarks import Benchmark

BENCHMARKS: dict[str, Benchmark] = {}
"""None: what is looked at here is not time."""

CHECKOUT = Path(__file__).parents[1]

PLUGINS = {
    "napari-ome-zarr": "*.zarr",
    "napari-tiff": "*.tif, *.ome.tif, *.svs, *.ndpi",
    "napari-bioio-reader": "*.ome.tif, *.czi, *.nd2, *.lif",
    "napari-czi-reader": "*.czi",
    "napari-czifile2": "*.czi",
    "napari-nikon-nd2": "*.nd2",
    "napari-wsi": "slides",
    "napari-imaris-loader": "*.ims",
    "napari-nifti": "*.nii, *.nii.gz",
    "napari-nibabel": "*.nii, *.mgz",
    "napari-medical-image-formats": "*.dcm, *.nii, *.mha, *.nrrd",
    "napari-itk-io": "*.mha, *.nrrd, *.nii, *.dcm",
    "napari-imc": "*.mcd, *.txt",
    "napari-geojson": "*.geojson",
    "napari-h5": "*.h5",
}
"""Plugins of the package index that share names with this one, and which."""

COMPANIONS = ("bioio-ome-tiff", "bioio-nd2", "openslide-python", "openslide-bin")
"""Without these some of the plugins open nothing at all."""

KEPT = ("napari", "numpy", "zarr", "tifffile", "pydicom", "nibabel", "dask")
"""Packages that no other plugin may replace by another version."""


def _run(command: list[str | Path], **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"} | more
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        command, cwd=CHECKOUT, env=environment, text=True, capture_output=True
    )


def _checked(command: list[str | Path]) -> str:
    done = _run(command)
    if done.returncode:
        sys.exit(f"{command[-1]}: {done.stderr[-2000:]}")
    return done.stdout


def make_environment(folder: Path) -> Path:
    """Make the environment with this plugin and return its Python."""
    place = folder / "environment"
    if not (place / "pyvenv.cfg").exists():
        venv.create(place, with_pip=True)
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    wheels = folder / "wheel"
    for old in wheels.glob("*.whl"):
        old.unlink()
    pip: list[str | Path] = [python, "-m", "pip"]
    _checked([*pip, "wheel", "--no-deps", "--wheel-dir", wheels, CHECKOUT])
    (wheel,) = wheels.glob("*.whl")
    _checked([*pip, "install", f"{wheel}[all]"])
    _checked([*pip, "install", "--force-reinstall", "--no-deps", wheel])
    return python


def install_others(python: Path, folder: Path) -> dict[str, str]:
    """Install the plugins one by one; return their versions, or why there is none."""
    pip: list[str | Path] = [python, "-m", "pip"]
    have = json.loads(_checked([*pip, "list", "--format", "json"]))
    limits = folder / "kept.txt"
    kept = [f"{p['name']}=={p['version']}" for p in have if p["name"] in KEPT]
    limits.write_text("\n".join(kept))
    said = {}
    for name in (*PLUGINS, *COMPANIONS):
        done = _run([*pip, "install", "--constraint", limits, name])
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
            said[name] = f"not installed: {(errors or ['it fails'])[0]}"
    have = json.loads(_checked([*pip, "list", "--format", "json"]))
    versions = {p["name"].lower().replace("_", "-"): p["version"] for p in have}
    return {name: said.get(name) or versions[name] for name in PLUGINS}


def main() -> int:
    """Print what is installed and what came of each file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.other_readers")
    parser.add_argument("folder", type=Path, nargs="?", help="kept and used again")
    chosen = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        folder = (chosen or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        python = make_environment(folder)
        for name, said in install_others(python, folder).items():
            print(f"{name}: {said}", flush=True)
        done = _run([python, "-m", "benchmarks._side_by_side", folder / "files"])
        print(done.stdout)
        if done.returncode:
            print(done.stderr[-4000:], file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
