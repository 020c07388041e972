"""LA-ICP-MS: the tables of several instruments, and what makes a pixel of them."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from laser_files import (
    ISOTOPES,
    pewlib_arrays,
    save_archive,
    table,
    write_agilent,
    write_icap_columns,
    write_icap_rows,
    write_nu,
    write_perkinelmer,
    write_tofwerk,
)

from nanoscape.cli import main
from nanoscape.errors import (
    MissingCalibration,
    MissingDependency,
    UnreadableFile,
    WrongInput,
)
from nanoscape.io import describe, open_file, read, recognise
from nanoscape.io.spectrometry.isotopes import isotope_of
from nanoscape.model import Image, ImageGroup

FOLDER = "laicpms/synth/perkinelmer_xl"
ARCHIVE = "laicpms/synth/synth_pewlib.npz"
MATRIX = "laicpms/synth/image_matrix_Au197.csv"
VALUES = np.random.default_rng(7).integers(0, 900, (3, 4, 6)).astype(float)
LASER = {"scan_speed": 40.0, "spot_size": 12.0}


def members(path: Path, **more: Any) -> dict[str, Image]:
    (item,) = read(path, **more)
    images = item.images if isinstance(item, ImageGroup) else (item,)
    assert all(isinstance(image, Image) for image in images)
    return {image.tags["channel"]: image for image in images}  # type: ignore[union-attr]


def values_of(path: Path, **more: Any) -> np.ndarray[Any, Any]:
    (item,) = read(path, **more)
    assert isinstance(item, ImageGroup)
    return np.stack([image.data.compute() for image in item])


@pytest.fixture(scope="module")
def expected(shared_data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (shared_data / "EXPECTED.json").read_text("utf-8")
    )
    return found


def check(image: Image, truth: dict[str, Any]) -> None:
    values = image.data.compute()
    assert list(values.shape) == truth["shape"]
    assert values.sum() == truth["sum"]
    assert (values.min(), values.max()) == (truth["min"], truth["max"])


def test_a_folder_of_perkinelmer_equals_the_reference(
    shared_data: Path, expected: dict[str, Any]
) -> None:
    truth = expected[FOLDER]
    opened = open_file(shared_data / FOLDER)
    assert opened.format == "laicpms-lines"
    assert opened.warnings == ()
    images = members(shared_data / FOLDER)
    assert list(images) == truth["elements"]
    for name, key in (("P31", "p31"), ("Gd158", "gd"), ("Au197", "au")):
        image = images[name]
        check(image, truth[key])
        assert image.shape == (truth["lines"], truth["points"])
        assert image.spacing == truth["pixel_um"]
        assert image.quantity.unit == "counts/s"
        assert image.tags["isotope"] == image.tags["analyte"] == name
    assert images["Au197"].tags["role"] == "Carrier"


def test_an_archive_of_pewlib_equals_the_reference(
    shared_data: Path, expected: dict[str, Any]
) -> None:
    truth = expected[ARCHIVE]
    (group,) = read(shared_data / ARCHIVE)
    assert isinstance(group, ImageGroup)
    signals, (concentration,) = group.images[:3], group.images[3:]
    assert [image.name for image in signals] == truth["elements"]
    assert all(image.spacing == truth["pixel_um"] for image in group)
    check(signals[2], truth["au"])
    assert concentration.tags["analyte"] == "Au197"
    assert concentration.quantity.unit == "ug/g"
    highest = float(concentration.data.max().compute())
    assert highest == pytest.approx(truth["au_ug_per_g_max"], abs=5e-3)


def test_formats_of_one_measurement_agree(shared_data: Path) -> None:
    folder = members(shared_data / FOLDER)
    archive = read(shared_data / ARCHIVE)[0]
    assert isinstance(archive, ImageGroup)
    for name, image in folder.items():
        np.testing.assert_array_equal(image.data, archive[name].data)
    matrix = members(shared_data / MATRIX, pixel_size=10.0)
    assert list(matrix) == ["Au197"]
    np.testing.assert_array_equal(matrix["Au197"].data, folder["Au197"].data)


def test_a_bare_table_takes_its_pixels_from_the_caller(tmp_path: Path) -> None:
    path = tmp_path / "liver_197Au.csv"
    np.savetxt(path, VALUES[0], delimiter=",")
    assert open_file(path, pixel_size=5.0).format == "laicpms-matrix"
    for given, wanted in (
        ({"pixel_size": 5.0}, {"y": 5.0, "x": 5.0}),
        ({"pixel_size": 5.0, "spot_size": 12.0}, {"y": 12.0, "x": 5.0}),
    ):
        image = members(path, **given)["Au197"]
        assert image.spacing == wanted
        for key, value in given.items():
            assert image.tags[f"{key}_um"] == value
            assert image.tags.origin(f"{key}_um") == "user"
    with pytest.raises(MissingCalibration, match=r"points lie apart .*pixel_size"):
        read(path, **LASER)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (LASER, {"y": 12.0, "x": 10.0}),
        ({"pixel_size": 3.0}, {"y": 3.0, "x": 3.0}),
        ({"pixel_size": 3.0, "spot_size": 12.0}, {"y": 12.0, "x": 3.0}),
    ],
)
def test_a_pixel_is_speed_times_time_by_spot(
    given: dict[str, float], wanted: dict[str, float], tmp_path: Path
) -> None:
    write_perkinelmer(tmp_path / "lines", VALUES)
    image = members(tmp_path / "lines", **given)["P31"]
    assert image.spacing == wanted
    np.testing.assert_allclose(
        image.grid_to_space.apply([(1, 2)]), [(wanted["y"], 2 * wanted["x"])]
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"laser ran \(scan_speed.* lines lie apart \(spot_size"),
        ({"spot_size": 12.0}, r"how fast the laser ran \(scan_speed in µm/s\);"),
        ({"scan_speed": 40.0}, r"say how far its lines lie apart \(spot_size"),
    ],
)
def test_what_is_missing_of_a_pixel_is_named(
    given: dict[str, float], message: str, tmp_path: Path
) -> None:
    write_perkinelmer(tmp_path / "lines", VALUES)
    with pytest.raises(MissingCalibration, match=message):
        read(tmp_path / "lines", **given)


def test_the_callers_word_replaces_that_of_the_file(tmp_path: Path) -> None:
    parameters = "ablation.speed=0.08\nspace.interval=0.015\nany=thing\n"
    write_perkinelmer(tmp_path / "lines", VALUES, parameters)
    assert members(tmp_path / "lines")["P31"].spacing == {"y": 15.0, "x": 20.0}
    assert members(tmp_path / "lines", scan_speed=4.0)["P31"].spacing == {
        "y": 15.0,
        "x": 1.0,
    }
    assert members(tmp_path / "lines", **LASER)["P31"].spacing == {"y": 12, "x": 10}


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["scan_speed", "spot_size", "pixel_size"])
def test_sizes_are_positive(name: str, value: float, tmp_path: Path) -> None:
    with pytest.raises(WrongInput, match="positive"):
        open_file(tmp_path, **{name: value})


def test_a_speed_is_refused_where_no_laser_ran(shared_data: Path) -> None:
    with pytest.raises(WrongInput, match="laser ablation line by line"):
        open_file(shared_data / "mibi_synth/mibi.tiff", scan_speed=4.0)
    with pytest.raises(WrongInput, match="both a pixel size and a scan speed"):
        open_file(shared_data / FOLDER, pixel_size=1.0, scan_speed=4.0)


def test_lines_follow_their_numbers_and_missing_ones_are_empty(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 9, (3, 12, 5)).astype(float)
    folder = tmp_path / "lines"
    write_perkinelmer(folder, values)
    (folder / "line_4.xl").unlink()
    (folder / "line_7.xl").write_bytes(b"")
    found = values_of(folder, **LASER)
    values[:, [3, 6]] = np.nan
    np.testing.assert_array_equal(found, values)
    warnings = open_file(folder, **LASER).warnings
    assert warnings == ("lines are missing and left empty: 4, 7",)


def test_short_lines_end_empty(tmp_path: Path) -> None:
    folder = tmp_path / "lines"
    write_perkinelmer(folder, VALUES)
    file = folder / "line_2.xl"
    file.write_text("\n".join(file.read_text().splitlines()[:-2]), encoding="utf-8")
    found = values_of(folder, **LASER)
    assert np.isnan(found[:, 1, -2:]).all()
    np.testing.assert_array_equal(found[:, 1, :-2], VALUES[:, 1, :-2])
    assert "4 to 6 points" in open_file(folder, **LASER).warnings[0]


def test_a_line_with_other_channels_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "lines"
    write_perkinelmer(folder, VALUES)
    file = folder / "line_2.xl"
    file.write_text(file.read_text().replace("Gd158", "Gd157"), encoding="utf-8")
    with pytest.raises(UnreadableFile, match=r"line_2.xl has the channels P31, Gd157"):
        read(folder, **LASER)


@pytest.mark.parametrize("log", [(), (3, 1, 4, 2)])
def test_a_batch_of_agilent_follows_its_log(log: Any, tmp_path: Path) -> None:
    folder = tmp_path / "batch.b"
    write_agilent(folder, VALUES, log)
    opened = open_file(folder, **LASER)
    assert opened.format == "laicpms-lines"
    assert opened.warnings == ()
    order = [n - 1 for n in log] or list(range(4))
    np.testing.assert_array_equal(values_of(folder, **LASER), VALUES[:, order])
    images = members(folder, **LASER)
    assert [image.tags["isotope"] for image in images.values()] == list(ISOTOPES)
    first = next(iter(images.values()))
    assert first.spacing == {"y": 12.0, "x": 20.0}
    assert first.quantity.unit == "counts/s"
    assert first.name == "P31 -> 31"
    shutil.rmtree(folder / "002.d")
    found = values_of(folder, **LASER)
    missing = order.index(1)
    assert np.isnan(found[:, missing]).all()
    assert np.isfinite(np.delete(found, missing, axis=1)).all()


def test_lines_that_the_log_of_a_batch_lacks_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "batch.b"
    write_agilent(folder, VALUES, (3, 1))
    opened = open_file(folder, **LASER)
    assert opened.warnings == (
        "lines that BatchLog.csv does not list are left out: 002.d, 004.d",
    )
    np.testing.assert_array_equal(values_of(folder, **LASER), VALUES[:, [2, 0]])


def test_tables_of_qtegra_with_their_dwell_times(tmp_path: Path) -> None:
    folder = tmp_path / "lines"
    folder.mkdir()
    for line in range(4):
        text = [
            "<Identifier>:11-18-2020 04:26:15 AM;",
            "Software:Name=Qtegra;Version=2.7.2425.65;File Version=1;",
            "",
            "Time,31P,158Gd,197Au,",
            ",dwell time=0.2;xcal factor=66159,dwell time=0.4,dwell time=0.4,",
            *(row + "," for row in table(VALUES[:, line])),
            "",
        ]
        (folder / f"a_{line + 1}.csv").write_text("\n".join(text), encoding="utf-8")
    np.testing.assert_array_equal(values_of(folder, **LASER), VALUES)
    image = members(folder, **LASER)["197Au"]
    assert image.tags["isotope"] == "Au197"
    assert image.quantity.unit == "counts/s"
    opened = open_file(folder, **LASER)
    assert opened.warnings == ("the times have no unit and are taken as seconds",)


@pytest.mark.parametrize(
    ("unit", "separator", "x"),
    [("[Sec]", ",", 10.0), ("(ms)", ";", 0.01), ("(min)", "\t", 600.0)],
)
def test_one_table_may_number_its_lines(
    unit: str, separator: str, x: float, tmp_path: Path
) -> None:
    path = tmp_path / "scan.csv"
    rows = [separator.join(["line", f"Time {unit}", *ISOTOPES])]
    for line in (0, 1, 3):
        points = table(VALUES[:, line], separator=separator)
        rows.extend(f"{line + 5}{separator}{point}" for point in points)
    text = "\n".join(rows)
    # Programs that separate by semicolons write decimal commas.
    path.write_text(text.replace(".", ",") if separator == ";" else text, "utf-8")
    assert open_file(path, **LASER).format == "laicpms-lines"
    found = values_of(path, **LASER)
    assert np.isnan(found[:, 2]).all()
    np.testing.assert_array_equal(found[:, [0, 1, 3]], VALUES[:, [0, 1, 3]])
    assert members(path, **LASER)["P31"].spacing["x"] == pytest.approx(x)


def test_tables_exported_from_a_tofwerk(tmp_path: Path) -> None:
    folder = tmp_path / "lines"
    folder.mkdir()
    for line in range(4):
        rows = ["'P31','Gd158','Au197',t_elapsed_Buf"]
        for point, values in enumerate(VALUES[:, line].T):
            rows.append(",".join([*(f"{v:g}" for v in values), f"{0.1 * point:.1f}"]))
        # The seconds alone would put them into another order.
        name = f"IMG_2021.01.01-10h{line:02d}m{(7 * line + 3) % 10:02d}s_AS.csv"
        (folder / name).write_text("\n".join(rows), encoding="utf-8")
    np.testing.assert_array_equal(values_of(folder, **LASER), VALUES)
    spacing = members(folder, **LASER)["P31"].spacing
    assert spacing == pytest.approx({"y": 12.0, "x": 4.0})


def test_tables_are_read_again_elsewhere_and_when_they_change(tmp_path: Path) -> None:
    folder = tmp_path / "lines"
    write_perkinelmer(folder, VALUES)
    data = members(folder, **LASER)["Au197"].data
    sent = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(sent[1:3, 2:].compute(), VALUES[2, 1:3, 2:])
    shutil.rmtree(folder)
    write_perkinelmer(folder, VALUES + 1)
    np.testing.assert_array_equal(members(folder, **LASER)["Au197"].data, VALUES[2] + 1)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(data)), VALUES[2] + 1)
    shutil.rmtree(folder)
    write_perkinelmer(folder, VALUES[:, :, :3])
    with pytest.raises(UnreadableFile, match="changed after it was opened"):
        data.compute()


def test_a_single_line_is_an_image_of_one_line(tmp_path: Path) -> None:
    write_perkinelmer(tmp_path / "lines", VALUES)
    found = values_of(tmp_path / "lines" / "line_3.xl", **LASER)
    np.testing.assert_array_equal(found, VALUES[:, 2:3])


def test_empty_cells_are_not_measured(tmp_path: Path) -> None:
    path = tmp_path / "scan.csv"
    path.write_text("Time (s),P31,Au197\n0,1,2\n1,,3\n2,4,\n", encoding="utf-8")
    np.testing.assert_array_equal(
        values_of(path, **LASER), [[[1, np.nan, 4]], [[2, 3, np.nan]]]
    )


@pytest.mark.parametrize(
    "write",
    [
        write_icap_columns,
        lambda path, values: write_icap_columns(path, values, ","),
        write_icap_rows,
    ],
)
def test_exports_of_qtegra_by_column_and_by_row(
    write: Callable[[Path, Any], None], tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    write(path, VALUES)
    opened = open_file(path, **LASER)
    assert opened.format == "laicpms-icap"
    np.testing.assert_allclose(values_of(path, **LASER), VALUES, rtol=1e-5)
    images = members(path, **LASER)
    assert [image.tags["isotope"] for image in images.values()] == list(ISOTOPES)
    assert images["31P"].spacing == pytest.approx({"y": 12.0, "x": 16.0})
    assert images["31P"].quantity.unit == "counts/s"


def test_an_export_of_qtegra_with_a_gap_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    write_icap_columns(path, VALUES)
    rows = path.read_text().splitlines()
    path.write_text("\n".join(rows[:-2]), encoding="utf-8")
    with pytest.raises(UnreadableFile, match="Counter for each element"):
        read(path, **LASER)


def test_lines_of_a_nu_vitesse(tmp_path: Path) -> None:
    masses = (88.905, 157.924, 196.966)
    values = VALUES.copy()
    values[:, 2, 3] = np.nan
    folder = tmp_path / "Image001"
    write_nu(folder, values, masses)
    opened = open_file(folder, **LASER)
    assert opened.format == "laicpms-nu"
    assert opened.warnings == ()
    # A scan is 2000 times 25 µs.
    np.testing.assert_allclose(values_of(folder, **LASER), values / 0.05, rtol=1e-6)
    images = members(folder / "laser.info", **LASER)
    assert list(images) == ["89 u", "158 u", "197 u"]
    found = [image.tags["mass_u"] for image in images.values()]
    assert found == pytest.approx(masses, abs=2e-3)
    assert images["89 u"].spacing == pytest.approx({"y": 12.0, "x": 2.0})
    shutil.rmtree(folder / "00002")
    assert np.isnan(values_of(folder, **LASER)[:, 1]).all()


def test_several_lines_in_one_acquisition_of_nu_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "Image001"
    write_nu(folder, VALUES, (31.0, 158.0, 197.0))
    (folder / "laser.info").write_text('{"AcquisitionLineGroupSize": 3}', "utf-8")
    with pytest.raises(UnreadableFile, match="several lines"):
        read(folder, **LASER)


@pytest.mark.parametrize("by", ["write", "buffer"])
@pytest.mark.parametrize("period", [0.0, 25000.0])
def test_peaks_of_a_tofwerk(by: str, period: float, tmp_path: Path) -> None:
    path = tmp_path / "image.h5"
    raster = np.moveaxis(VALUES, 0, -1).astype(np.float32)
    data = raster[:, :, np.newaxis] if by == "write" else raster[np.newaxis]
    write_tofwerk(path, data, 0.6, period)
    opened = open_file(path, **LASER)
    assert opened.format == "tofwerk"
    scale = 1e9 / period if period else 1.0
    np.testing.assert_allclose(values_of(path, **LASER), VALUES * scale, rtol=1e-6)
    images = members(path, **LASER)
    assert [image.tags["isotope"] for image in images.values()] == list(ISOTOPES)
    first = images["[31P]+"]
    assert first.quantity.unit == ("counts/s" if period else "a.u.")
    # Six segments share the time of a buffer.
    x = 24.0 if by == "write" else 4.0
    assert first.spacing == pytest.approx({"y": 12.0, "x": x})
    box = pickle.loads(pickle.dumps(first.data))[1:3, 2:5]
    np.testing.assert_allclose(box.compute(), VALUES[0, 1:3, 2:5] * scale, rtol=1e-6)


def test_a_tofwerk_file_may_not_lead_to_another(tmp_path: Path) -> None:
    path, other = tmp_path / "image.h5", tmp_path / "other.h5"
    raster = np.moveaxis(VALUES, 0, -1)[:, :, np.newaxis]
    write_tofwerk(path, raster, 0.6)
    shutil.copyfile(path, other)
    with h5py.File(path, "r+") as file:
        del file["PeakData/PeakData"]
        file["PeakData/PeakData"] = h5py.ExternalLink(str(other), "PeakData/PeakData")
    with pytest.raises(UnreadableFile, match="link to elsewhere"):
        read(path, **LASER)


def test_hdf5_without_its_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "image.h5"
    write_tofwerk(path, np.moveaxis(VALUES, 0, -1)[:, :, np.newaxis], 0.6)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingDependency, match=r"napari-nanoscape\[formats\]"):
        read(path, **LASER)


def test_lines_of_very_different_length_do_not_fill_the_memory(tmp_path: Path) -> None:
    folder = tmp_path / "lines"
    write_perkinelmer(folder, np.zeros((3, 100, 2)))
    long = table(np.zeros((3, 10**5)))
    file = folder / "line_1.xl"
    file.write_text(file.read_text() + "\n".join(long), encoding="utf-8")
    with pytest.raises(UnreadableFile, match="2 to 100002 points"):
        read(folder, **LASER)


class Harm:
    """Leaves a trace when it is unpickled."""

    trace: Path

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


def archive(**replaced: Any) -> dict[str, Any]:
    return pewlib_arrays(VALUES) | replaced


def test_an_archive_without_calibration_holds_signals(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    save_archive(path, **archive())
    images = members(path)
    assert list(images) == ["P31", "Au197"]
    assert images["P31"].spacing == {"y": 30.0, "x": 10.0}
    np.testing.assert_array_equal(images["Au197"].data, VALUES[2])


def test_an_archive_with_objects_is_never_unpickled(tmp_path: Path) -> None:
    path, trace = tmp_path / "a.npz", tmp_path / "trace"
    harm = Harm()
    harm.trace = trace
    objects = np.empty((), object)
    objects[()] = harm
    save_archive(path, **archive(data=objects))
    with pytest.raises(UnreadableFile, match="objects, which may be harmful"):
        read(path)
    save_archive(path, **archive(calibration=objects))
    opened = open_file(path)
    assert "calibrations are not used" in opened.warnings[0]
    assert not trace.exists()


def test_an_archive_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header,
        {"shape": (10**6, 10**6), "fortran_order": False, "descr": [("P31", "<f8")]},
    )
    save_archive(path, **{k: v for k, v in archive().items() if k != "data"})
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("data.npy", header.getvalue())
    with pytest.raises(UnreadableFile, match="needs 8000000000000 bytes"):
        read(path)


OTHERS = {
    "study.csv": "file,subject,group,weight_g\na.tif,m1,treated,25\n",
    "points.csv": "name,a_y_um,a_x_um,b_y_um,b_x_um\nL1,1,2,3,4\n",
    "kinetics.csv": "Time [h],Au197,Pt195\n0,1,2\n24,3,4\n",
    "blood.csv": "time,concentration\n0,1\n1,2\n",
    "mixed.csv": "Time (s),Au197,comment\n0,1,2\n1,3,4\n",
    "numbers.csv": "1,2,3\n4,5,6\n",
    "genes_CD31.csv": "1,2,3\n4,5,6\n",
    "samples_Au197.csv": "sample,dose\na,1\nb,2\n",
    "a.npz": "PK no archive",
    "runs.csv": "run,MainRunsLater,value,unit\n1,2,3,4\n",
}


@pytest.mark.parametrize("name", OTHERS)
def test_tables_of_other_kinds_are_left_alone(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(OTHERS[name], encoding="utf-8")
    found = recognise(path)
    assert found is None or found.name == "landmarks"
    folder = recognise(tmp_path)
    assert folder is None


def test_a_folder_with_a_line_and_something_else_is_left_alone(tmp_path: Path) -> None:
    line = "\n".join(["Time (s),P31,Gd158,Au197", *table(VALUES[:, 0])])
    (tmp_path / "a_1.csv").write_text(line, encoding="utf-8")
    assert recognise(tmp_path) is not None
    (tmp_path / "study.csv").write_text(OTHERS["study.csv"], encoding="utf-8")
    assert recognise(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "isotope"),
    [
        ("Au197", "Au197"),
        ("197Au", "Au197"),
        ("Au(197)", "Au197"),
        ("Yb172Di", "Yb172"),
        ("P31 -> 47", "P31"),
        ("31P | 31P.16O", "P31"),
        ("'Au197 (cps)'", "Au197"),
        ("[197Au]+", "Au197"),
        ("A1", None),
        ("CD31", None),
        ("Au", None),
        ("197", None),
        ("Au197 in liver", None),
        ("au197", None),
    ],
)
def test_names_of_isotopes(text: str, isotope: str | None) -> None:
    assert isotope_of(text) == isotope


def test_the_command_takes_speed_and_spot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "lines"
    write_perkinelmer(folder, VALUES)
    laser = ["--scan-speed", "0.04 mm/s", "--spot-size", "12um"]
    assert main(["info", str(folder), "--json", *laser]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == describe(folder, **LASER)
    assert found["images"][0]["spacing"] == {"y": 12.0, "x": 10.0}
    out = tmp_path / "out.ome.zarr"
    assert main(["convert", str(folder), str(out), *laser]) == 0
    (group,) = read(out)
    assert isinstance(group, ImageGroup)
    assert group.images[0].spacing == {"y": 12.0, "x": 10.0}
    np.testing.assert_array_equal(group.images[2].data, VALUES[2])
    assert main(["info", str(folder), "--scan-speed", "40"]) == 2
    assert "Write it with its unit" in capsys.readouterr().err
