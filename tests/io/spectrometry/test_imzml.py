from __future__ import annotations

import os
import pickle
import uuid
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nanoscape.errors import MissingCalibration, UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.model import Spectra
from nanoscape.model.spectra import StoredSource

UUID = uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF)
RNG = np.random.default_rng(2)
TYPES = {
    "f4": "MS:1000521",
    "f8": "MS:1000523",
    "i4": "MS:1000519",
    "i8": "MS:1000522",
    "i1": "IMS:1100000",
    "i2": "IMS:1100001",
    "f2": "MS:1000520",
}
UM = 'unitCvRef="UO" unitAccession="UO:0000017" unitName="micrometer"'
SIZE = (
    f'<cvParam accession="IMS:1000046" name="pixel size (x)" value="20" {UM}/>'
    f'<cvParam accession="IMS:1000047" name="pixel size y" value="30" {UM}/>'
)


def param(accession: str, value: Any = "") -> str:
    return f'<cvParam accession="{accession}" name="any" value="{value}"/>'


def make(
    path: Path,
    positions: list[tuple[int, ...]],
    *,
    pixel_size: str = SIZE,
    intensity: str = "f4",
    packed: bool = False,
    inline: bool = False,
    namespace: str = ' xmlns="http://psi.hupo.org/ms/mzml"',
    settings: bool = True,
    identifier: str = str(UUID),
    edit: Callable[[str], str] = str,
) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Write processed imzML and return its spectra."""
    spectra, binary, body = [], bytearray(UUID.bytes), []
    compression = param("MS:1000574" if packed else "MS:1000576")
    groups = {
        "mz": param("MS:1000514") + param(TYPES["f8"]) + compression,
        "int": param("MS:1000515") + param(TYPES[intensity]) + compression,
    }
    for position in positions:
        count = int(RNG.integers(0, 9))
        mz = np.sort(RNG.uniform(100, 900, count))
        values = RNG.integers(0, 99, count).astype(intensity)
        spectra.append((mz, values))
        arrays = ""
        for name, array in (("mz", mz), ("int", values)):
            data = zlib.compress(array.tobytes()) if packed else array.tobytes()
            kind = (
                groups[name]
                if inline
                else f'<referenceableParamGroupRef ref="{name}"/>'
            )
            arrays += (
                f"<binaryDataArray>{kind}"
                + param("IMS:1000103", count)
                + param("IMS:1000104", len(data))
                + param("IMS:1000102", len(binary))
                + "<binary/></binaryDataArray>"
            )
            binary += data
        place = "".join(
            param(f"IMS:100005{axis}", value) for axis, value in enumerate(position)
        )
        body.append(
            f"<spectrum><scanList><scan>{place}</scan></scanList>"
            f"<binaryDataArrayList>{arrays}</binaryDataArrayList></spectrum>"
        )
    listed = "".join(
        f'<referenceableParamGroup id="{name}">{inner}</referenceableParamGroup>'
        for name, inner in groups.items()
    )
    scan = f"<scanSettings>{pixel_size}</scanSettings>" if settings else ""
    text = (
        f"<mzML{namespace}><fileDescription><fileContent>"
        f"{param('IMS:1000080', identifier)}{param('IMS:1000031')}"
        "</fileContent></fileDescription>"
        f"<referenceableParamGroupList>{listed}</referenceableParamGroupList>"
        f"<scanSettingsList>{scan}</scanSettingsList>"
        f"<run><spectrumList>{''.join(body)}</spectrumList></run></mzML>"
    )
    path.write_text(edit(text), encoding="utf-8")
    path.with_suffix(".ibd").write_bytes(bytes(binary))
    return spectra


RASTER = [(x, y) for y in (1, 2, 3) for x in (1, 2, 3, 4)]


def only(path: Path, **more: Any) -> Spectra:
    (spectra,) = read(path, **more)
    assert isinstance(spectra, Spectra)
    return spectra


def assert_same(spectra: Spectra, truth: list[Any]) -> None:
    for index, (mz, values) in enumerate(truth):
        found = spectra.source.read(index)
        np.testing.assert_array_equal(found[0], mz)
        np.testing.assert_array_equal(found[1], values)
        assert found[1].dtype == values.dtype


@pytest.mark.parametrize("intensity", TYPES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_number_format(intensity: str, packed: bool, tmp_path: Path) -> None:
    truth = make(tmp_path / "a.imzML", RASTER, intensity=intensity, packed=packed)
    spectra = only(tmp_path / "a.imzML")
    assert_same(spectra, truth)
    assert spectra.shape == (3, 4)
    assert spectra.spacing == {"y": 30.0, "x": 20.0}
    assert spectra.space == "a"


def test_unusual_but_clear_files_are_read(tmp_path: Path) -> None:
    variants: list[dict[str, Any]] = [
        {"inline": True},
        {"namespace": ""},
        {"identifier": f"{{{UUID.hex.upper()}}}"},
        {"edit": lambda text: "\ufeff" + text},
        {"edit": lambda text: text.replace("><", ">\r\n<")},
    ]
    for number, variant in enumerate(variants):
        path = tmp_path / f"{number}.imzML"
        truth = make(path, RASTER, **variant)
        assert_same(only(path), truth)


@pytest.mark.parametrize(
    ("positions", "shape", "origin", "warned"),
    [
        ([(50, 70), (52, 71)], (2, 3), (69 * 30.0, 49 * 20.0), False),
        ([(0, 0), (1, 2)], (3, 2), (0.0, 0.0), True),
        ([(1, 1, 1), (1, 1, 1 + 0)][:1], (1, 1), (0.0, 0.0), False),
    ],
)
def test_rasters_that_do_not_start_at_one(
    positions: list[tuple[int, ...]],
    shape: tuple[int, ...],
    origin: tuple[float, ...],
    warned: bool,
    tmp_path: Path,
) -> None:
    truth = make(tmp_path / "a.imzML", positions)
    opened = open_file(tmp_path / "a.imzML")
    (spectra,) = opened.objects
    assert isinstance(spectra, Spectra)
    assert spectra.shape == shape
    assert_same(spectra, truth)
    np.testing.assert_allclose(spectra.grid_to_space.shift, origin)
    assert bool(opened.warnings) is warned


def test_planes_need_a_distance(tmp_path: Path) -> None:
    truth = make(tmp_path / "a.imzML", [(1, 1, 1), (1, 1, 2)])
    with pytest.raises(MissingCalibration, match="planes"):
        read(tmp_path / "a.imzML")
    spectra = only(tmp_path / "a.imzML", pixel_size=20.0)
    assert (spectra.axes, spectra.shape) == ("zyx", (2, 1, 1))
    assert_same(spectra, truth)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("UO:0000018", 1e-3), ("UO:0000017", 1.0), ("UO:0000016", 1e3)],
)
def test_pixel_sizes_have_units(unit: str, factor: float, tmp_path: Path) -> None:
    make(tmp_path / "a.imzML", RASTER, pixel_size=SIZE.replace("UO:0000017", unit))
    found = only(tmp_path / "a.imzML").spacing
    assert found == pytest.approx({"y": 30 * factor, "x": 20 * factor})


def test_one_pixel_size_holds_for_both_axes(tmp_path: Path) -> None:
    make(tmp_path / "a.imzML", RASTER, pixel_size=SIZE.split("/>")[0] + "/>")
    opened = open_file(tmp_path / "a.imzML")
    (spectra,) = opened.objects
    assert isinstance(spectra, Spectra)
    assert spectra.spacing == {"y": 20.0, "x": 20.0}
    assert "one pixel size" in opened.warnings[0]


@pytest.mark.parametrize(
    "variant",
    [
        {"pixel_size": ""},
        {"settings": False},
        {"pixel_size": param("IMS:1000046", "20")},
        {"pixel_size": param("IMS:1000046", "20 um")},
    ],
)
def test_a_missing_pixel_size_is_asked_for(
    variant: dict[str, Any], tmp_path: Path
) -> None:
    make(tmp_path / "a.imzML", RASTER, **variant)
    with pytest.raises(MissingCalibration, match="pixel_size"):
        read(tmp_path / "a.imzML")
    spectra = only(tmp_path / "a.imzML", pixel_size=25.0)
    assert spectra.spacing == {"y": 25.0, "x": 25.0}
    assert spectra.tags.origin("pixel_size_um") == "user"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda t: t.replace(str(UUID), str(uuid.UUID(int=7))), "belongs to another"),
        (lambda t: t.replace("IMS:1000050", "IMS:9"), "no position"),
        (
            lambda t: t.replace(
                'IMS:1000050" name="any" value="1"', 'IMS:1000050" value="a"'
            ),
            "whole",
        ),
        (lambda t: t.replace("MS:1000521", "MS:1000999"), "number format"),
        (lambda t: t.replace("MS:1000515", "MS:1000999"), "one array"),
        (lambda t: t.replace("MS:1000576", "MS:1002312"), "Numpress"),
        (lambda t: t[: len(t) // 2], "truncated"),
        (lambda t: t[: len(t) - 3], "truncated"),
        (lambda t: "<!DOCTYPE a>" + t, "entities"),
    ],
)
def test_damage_is_told_in_one_sentence(
    edit: Callable[[str], str], words: str, tmp_path: Path
) -> None:
    make(tmp_path / "a.imzML", RASTER, edit=edit)
    with pytest.raises(UnreadableFile, match=words):
        read(tmp_path / "a.imzML")


def test_offsets_written_like_floats(tmp_path: Path) -> None:
    def scientific(text: str) -> str:
        return text.replace(
            'IMS:1000102" name="any" value="16"', 'IMS:1000102" value="1.6e+01"'
        )

    truth = make(tmp_path / "a.imzML", RASTER, edit=scientific)
    assert_same(only(tmp_path / "a.imzML"), truth)


def test_two_spectra_at_one_pixel(tmp_path: Path) -> None:
    make(tmp_path / "a.imzML", [(1, 1), (2, 1), (2, 1)])
    with pytest.raises(UnreadableFile, match=r"y 1, x 2"):
        read(tmp_path / "a.imzML")


def test_the_binary_twin(tmp_path: Path) -> None:
    truth = make(tmp_path / "a.imzML", RASTER)
    twin = tmp_path / "a.ibd"
    content = twin.read_bytes()
    twin.write_bytes(content[:-1])
    with pytest.raises(UnreadableFile, match="truncated"):
        read(tmp_path / "a.imzML")
    twin.unlink()
    with pytest.raises(UnreadableFile, match=r"a\.ibd"):
        read(tmp_path / "a.imzML")
    twin.with_suffix(".IBD").write_bytes(content)
    assert_same(only(tmp_path / "a.imzML"), truth)


def test_threads_and_processes_share_a_source(tmp_path: Path) -> None:
    positions = [(x, y) for y in range(1, 21) for x in range(1, 21)]
    truth = make(tmp_path / "a.imzML", positions)
    source = pickle.loads(pickle.dumps(only(tmp_path / "a.imzML").source))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(source.read, range(len(positions))))
    for (mz, values), (mz_found, values_found) in zip(truth, found, strict=True):
        np.testing.assert_array_equal(mz_found, mz)
        np.testing.assert_array_equal(values_found, values)


@pytest.mark.parametrize("packed", [False, True])
def test_stored_spectra_are_those_read_one_by_one(packed: bool, tmp_path: Path) -> None:
    truth = make(tmp_path / "a.imzML", RASTER, packed=packed)
    source = only(tmp_path / "a.imzML").source
    assert isinstance(source, StoredSource)
    stored = source.stored()
    assert (stored is None) == packed
    if stored is None:
        return
    for kind in (0, 1):
        arrays = (stored.mz, stored.intensity)[kind]
        for index, spectrum in enumerate(truth):
            size = int(arrays.lengths[index]) * arrays.dtype.itemsize
            start = int(arrays.offsets[index])
            found = stored.content[start : start + size].tobytes()
            assert found == spectrum[kind].tobytes()


@pytest.mark.parametrize("damage", ["cut", "replaced", "removed"])
@pytest.mark.parametrize("sent", [False, True])
def test_a_binary_file_that_changes_is_refused(
    damage: str, sent: bool, tmp_path: Path
) -> None:
    make(tmp_path / "a.imzML", RASTER)
    source = only(tmp_path / "a.imzML").source
    assert isinstance(source, StoredSource)
    message = pickle.dumps(source)
    binary = tmp_path / "a.ibd"
    if damage == "cut":
        binary.write_bytes(binary.read_bytes()[:20])
    elif damage == "replaced":
        os.utime(binary, ns=(1, 1))
    else:
        binary.unlink()
    with pytest.raises(UnreadableFile, match="changed since"):
        (pickle.loads(message) if sent else source).stored()
