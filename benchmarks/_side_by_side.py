"""Files of each kind, opened through npe2 with and without this plugin.

Run by ``benchmarks/other_readers.py`` in an environment with other reader plugins.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

CHECKOUT = Path(__file__).parents[1]
OURS = "napari-nanoscape"
LONGEST_S = 60
ANSWER = "answer: "
RNG = np.random.default_rng(5)
VOLUME = RNG.integers(0, 999, (4, 24, 32)).astype(np.uint16)

Made = Callable[[Path], None]


def _test_writers(*rooms: str) -> None:
    for room in rooms:
        sys.path.insert(0, str(CHECKOUT / "tests" / "io" / room))


def _written_here(path: Path) -> None:
    from nanoscape.io import write
    from nanoscape.model import Image

    write(Image.from_array(VOLUME, "zyx", spacing=2.0, space="patient"), path)


def _metaimage(path: Path) -> None:
    samples = "LOCAL" if path.suffix == ".mha" else "volume.raw"
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\n"
        "BinaryDataByteOrderMSB = False\nDimSize = 32 24 4\n"
        "ElementSpacing = 1 1 2\nDistanceUnits = mm\nElementType = MET_USHORT\n"
        f"ElementDataFile = {samples}\n"
    ).encode()
    path.write_bytes(header + (VOLUME.tobytes() if samples == "LOCAL" else b""))
    if samples != "LOCAL":
        path.with_name(samples).write_bytes(VOLUME.tobytes())


def _nrrd(path: Path) -> None:
    header = (
        b"NRRD0005\ntype: uint16\ndimension: 3\nspace: left-posterior-superior\n"
        b"sizes: 32 24 4\nspace directions: (1,0,0) (0,1,0) (0,0,2)\n"
        b"kinds: domain domain domain\nendian: little\nencoding: raw\n"
        b"space origin: (0,0,0)\n\n"
    )
    path.write_bytes(header + VOLUME.tobytes())


def _mgz(path: Path) -> None:
    import nibabel

    data = VOLUME.astype(np.float32).T
    nibabel.save(nibabel.MGHImage(data, np.diag([1.0, 1, 2, 1])), path)


def _dicom(path: Path) -> None:
    _test_writers("dicom")
    from dicom_files import dicom_file, save

    header = dicom_file(
        VOLUME[:1].astype(np.int16), "2", "CT",
        PixelSpacing=[1, 1], SliceThickness=2, InstanceNumber=1,
        ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        RescaleSlope=1, RescaleIntercept=0,
    )  # fmt: skip
    save(header, path)


def _microscope(path: Path) -> None:
    _test_writers("microscopy")
    import microscope_writers as made

    data = VOLUME[np.newaxis, np.newaxis]
    if path.suffix == ".lif":
        steps = {"Z": 2e-6, "Y": 1e-6, "X": 1e-6}
        made.write_lif(path, [made.lif_image("a", VOLUME, "ZYX", steps)])
    elif path.suffix == ".ims":
        made.write_ims(path, VOLUME)
    else:
        (made.write_oif if path.suffix == ".oif" else made.write_oib)(path, data)


def _cytometry(path: Path) -> None:
    _test_writers("spectrometry")
    from imc_files import write_mcd

    write_mcd(path, [RNG.random((2, 5, 6)).astype(np.float32)])


def _slide(path: Path) -> None:
    import tifffile

    text = "Aperio Image Library v11\r\n512x256 |AppMag = 20|MPP = 0.5"
    colours = RNG.integers(0, 255, (256, 512, 3)).astype(np.uint8)
    tifffile.imwrite(path, colours, tile=(256, 256), description=text, metadata=None)


def _tiff(path: Path) -> None:
    import tifffile

    tifffile.imwrite(path, VOLUME)


def _picture(path: Path) -> None:
    import imagecodecs

    encode = {".png": imagecodecs.png_encode, ".jpg": imagecodecs.jpeg_encode}
    path.write_bytes(encode[path.suffix](VOLUME[0].astype(np.uint8)))


def _hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["data"] = VOLUME


def _zarr(path: Path) -> None:
    import zarr

    array = zarr.create_array(path, shape=VOLUME.shape, dtype="u2", chunks=VOLUME.shape)
    array[:] = VOLUME


def _pictures(path: Path) -> None:
    path.mkdir()
    for number in range(2):
        _picture(path / f"{number}.png")


def _sample(name: str) -> Made:
    return lambda path: [
        shutil.copy(CHECKOUT / "sample_data" / f"{name}{suffix}",
                    path.with_suffix(suffix))
        for suffix in (path.suffix, *((".ibd",) if path.suffix == ".imzML" else ()))
    ] and None  # fmt: skip


def _shared(name: str, otherwise: Made | None = None) -> Made:
    """Copy a file of the test data, or make one where there are none."""
    data = CHECKOUT.parent / "shared" / "data"
    source = Path(os.environ.get("NANOSCAPE_TEST_DATA", data)) / name

    def make(path: Path) -> None:
        if otherwise is None or source.exists():
            shutil.copy(source, path)
        else:
            otherwise(path)

    return make


def _analyze(path: Path) -> None:
    import nibabel

    image = nibabel.Spm99AnalyzeImage(VOLUME.astype(np.int16).T, np.eye(4))
    nibabel.save(image, path)


_MCD = "20210305_NE_mockData1"

FILES: dict[str, tuple[str, Made]] = {
    "volume.ome.tif": ("ours", _written_here),
    "volume.ome.zarr": ("ours", _written_here),
    "volume.nii": ("ours", _written_here),
    "volume.nii.gz": ("ours", _written_here),
    "volume.mha": ("ours", _metaimage),
    "volume.mhd": ("ours", _metaimage),
    "volume.nrrd": ("ours", _nrrd),
    "volume.mgz": ("ours", _mgz),
    "slice.dcm": ("ours", _dicom),
    "slide.svs": ("ours", _slide),
    "stack.nd2": ("ours", _shared("optical/nd2/example-zstack.nd2")),
    "stack.lif": ("ours", _microscope),
    "stack.oib": ("ours", _microscope),
    "stack.oif": ("ours", _microscope),
    "stack.ims": ("ours", _shared("lightsheet/synth.ims", _microscope)),
    "cells.mcd": ("ours", _shared(f"imc/{_MCD}/{_MCD}.mcd", _cytometry)),
    "maldi.imzML": ("ours", _sample("m1_s1_maldi")),
    "stack.tif": ("theirs", _tiff),
    "stack.czi": ("theirs", _shared("optical/czi_synth/synth.czi")),
    "stack.h5": ("theirs", _hdf5),
    "stack.zarr": ("theirs", _zarr),
    "brain.img": ("theirs", _analyze),
    "stack.npy": ("theirs", lambda path: np.save(path, VOLUME)),
    "photo.png": ("theirs", _picture),
    "photo.jpg": ("theirs", _picture),
    "pictures": ("theirs", _pictures),
    "points.csv": (
        "theirs",
        lambda path: path.write_text("index,axis-0,axis-1\n0,1.5,2.5\n1,3,4") and None,
    ),
    "outlines.geojson": ("theirs", _sample("m1_s1_tissue")),
    "notes.txt": ("theirs", lambda path: path.write_text("seen by nobody\n") and None),
} | {
    f"foreign{suffix}": ("foreign", lambda path: path.write_bytes(b"else") and None)
    for suffix in (
        ".ome.tif", ".nii", ".nii.gz", ".mha", ".nrrd", ".mgz", ".dcm", ".svs", ".nd2",
        ".lif", ".oib", ".ims", ".mcd", ".imzML",
    )
}  # fmt: skip
"""Name, whose it is, and how it is made: *ours* in a narrow pattern, *theirs* in a
broad one or without any of our formats, *foreign* content under a narrow name."""


def make_files(folder: Path) -> list[str]:
    """Write the files into an empty folder; return the names of those that exist."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, (_, make) in FILES.items():
        # Each in a folder of its own: some plugins read all files beside one.
        place = folder / name / name
        place.parent.mkdir()
        with contextlib.suppress(FileNotFoundError):
            make(place)
    return [name for name in FILES if (folder / name / name).exists()]


def _told(layers: Any) -> str:
    """Return what came of opening a file, in a form that can be compared."""
    words = []
    for layer in layers:
        if layer[0] is None:
            return "no layers"
        data = layer[0]
        kind = layer[2] if len(layer) > 2 else "image"
        first = data[0] if isinstance(data, list | tuple) and len(data) else data
        shape = getattr(first, "shape", None)
        total = ""
        if shape is not None and kind in ("image", "labels"):
            total = f" sum {float(np.asarray(first).sum()):.6g}"
        words.append(f"{kind} {shape}{total}")
    return "; ".join(words)


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _opened(path: Path, plugin: str | None) -> tuple[str, str]:
    """Return who opened a file and what came of it."""
    from npe2.io_utils import read_get_reader

    try:
        with _at_most(LONGEST_S):
            layers, reader = read_get_reader(
                [str(path)], plugin_name=plugin, stack=False
            )
            return str(reader.plugin_name), _told(layers)
    except Exception as error:  # noqa: BLE001  (anything may come from other plugins)
        words = str(error).splitlines()[0] if str(error) else ""
        refused = "refused the file" in words or "No readers returned" in words
        return "", "refused" if refused else f"{type(error).__name__}: {words[:60]}"


def look(folder: Path, names: list[str], without: bool) -> dict[str, Any]:
    """Open all files with each plugin that is offered, and without a choice."""
    from npe2 import PluginManager

    manager = PluginManager.instance()
    manager.discover(include_npe1=True)
    # Plugins of the first kind are known only when they are asked what they do.
    manager.index_npe1_adapters()
    if without:
        manager.disable(OURS)
    found = {}
    for name in names:
        path = folder / name / name
        offered = sorted({
            r.plugin_name for r in manager.iter_compatible_readers([str(path)])
        })  # fmt: skip
        found[name] = {
            "offered": offered,
            "opened": {plugin: _opened(path, plugin)[1] for plugin in offered},
            # Which of the others comes first is chance: npe2 asks them in any order.
            "unchosen": _opened(path, None)[0],
        }
    return found


def faults(whose: str, here: dict[str, Any], alone: dict[str, Any]) -> list[str]:
    """Return what is wrong with how one file opens."""
    said = []
    ours = here["opened"].get(OURS, "not offered")
    is_open = ours not in ("not offered", "refused") and "Error" not in ours
    if whose == "ours" and not is_open:
        said.append(f"ours does not open: {ours}")
    if whose == "theirs" and ours not in ("not offered", "refused"):
        said.append(f"taken by us: {ours}")
    if whose == "foreign" and ours != "refused":
        said.append(f"not refused by us: {ours}")
    others = {p: o for p, o in here["opened"].items() if p != OURS}
    said += [
        f"{plugin}: {outcome} instead of {alone['opened'][plugin]}"
        for plugin, outcome in others.items()
        if outcome != alone["opened"][plugin]
    ]
    if whose != "ours" and here["unchosen"] == OURS:
        said.append("opened by us when nobody chooses")
    return said


def _row(name: str, whose: str, here: dict[str, Any], wrong: list[str]) -> str:
    ours = here["opened"].get(OURS, "not offered")
    others = {p: o for p, o in here["opened"].items() if p != OURS}
    opens = [p for p, o in others.items() if o != "refused" and "Error" not in o]
    cells = [
        name,
        whose,
        ours if ours in ("not offered", "refused") else "opens" if not wrong else ours,
        ", ".join(p.removeprefix("napari-") for p in opens) or "—",
        ", ".join(p.removeprefix("napari-") for p in others if p not in opens) or "—",
        "; ".join(wrong) or "as it should be",
    ]
    return f"| {' | '.join(cells)} |"


def _in_a_process(folder: Path, names: list[str], without: bool) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks._side_by_side", str(folder)]
    command += ["--without" if without else "--with", *names]
    done = subprocess.run(command, cwd=CHECKOUT, text=True, capture_output=True)
    answers = [x for x in done.stdout.splitlines() if x.startswith(ANSWER)]
    if not answers:
        sys.exit(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(answers[-1].removeprefix(ANSWER))
    return found


def main() -> int:
    """Print a table; 1 when a file is stolen or opens differently with this plugin."""
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        logging.disable(logging.CRITICAL)
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(io.StringIO()):
            found = look(folder, sys.argv[3:], sys.argv[2] == "--without")
        print(ANSWER + json.dumps(found), flush=True)
        # Some plugins leave threads or a Java machine behind.
        os._exit(0)
    names = make_files(folder)
    alone = _in_a_process(folder, names, without=True)
    here = _in_a_process(folder, names, without=False)
    print("| file | whose | ours | also opened by | also offered | verdict |")
    print("|---|---|---|---|---|---|")
    wrong = {n: faults(FILES[n][0], here[n], alone[n]) for n in names}
    for name in names:
        print(_row(name, FILES[name][0], here[name], wrong[name]))
    left_out = [name for name in FILES if name not in names]
    print(f"{len(names)} files; not made here: {', '.join(left_out) or 'none'}")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
