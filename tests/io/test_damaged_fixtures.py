"""Copies of every kind of file that are damaged, empty, renamed or locked.

Whatever happens to a file, reading it gives data or one sentence. The number of
damaged copies of each comes from NANOSCAPE_DAMAGED_COPIES; 200 is a thorough look.
"""

from __future__ import annotations

import codecs
import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from damaged import COPIES, assert_data_or_one_error, damaged_trees, samples_of

from nanoscape.errors import NanoscapeError, UnreadableFile
from nanoscape.io import open_file, read, recognise
from nanoscape.model import Image

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


@dataclass(frozen=True)
class Fixture:
    """A file or folder, the files that belong to it, and what a user says of it.

    Attributes
    ----------
    format
        What it must be recognised as.
    opened
        What is opened, below the folder of test data.
    tree
        Folder that is copied; by default that of the file, of which only files in
        ``kept`` are taken.
    victims
        Files in the tree that are damaged, one at a time; by default what is opened.
    given
        What a user must say of it.
    """

    format: str
    opened: str
    victims: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    tree: str = ""
    given: dict[str, float] = field(default_factory=dict)


def _alone(kind: str, opened: str, **given: float) -> Fixture:
    return Fixture(kind, opened, given=given)


PEWLIB = "laicpms/synth/synth_pewlib.npz"
INVEON = ("mouse_fdg.img", "mouse_fdg.img.hdr")
STIR = ("test_image_3.hv", "test_image_3.v")
MSI = ("Example_Processed.imzML", "Example_Processed.ibd")
BDV = ("synth_bdv.xml", "synth_bdv.h5")
V04, V05 = (f"optical/ome_zarr_synth/nuclei_{v}.ome.zarr" for v in ("v04", "v05"))

FIXTURES = (
    _alone("dicom", "ct/dicom/CT_small.dcm"),
    _alone("dicom", "ct/dicom/eCT_Supplemental.dcm"),
    _alone("dicom", "mri/dicom/MR_small_RLE.dcm"),
    _alone("dicom", "nuclear/nm_dicom/JPEG2000.dcm"),
    _alone("dicom", "nuclear/spect_nm_synth/spect_recon.dcm"),
    _alone("dicom", "ultrasound/dicom/examples_ybr_color.dcm", pixel_size=500.0),
    _alone("dicom", "mri/siemens_mosaic_fmri/001/IM-0001-0001.dcm"),
    _alone("dicom", "ct/dicom_ct_seg/liver.dcm"),
    _alone("dicom", "multimodal/ibsi_STS_002/PET/mask/RS.dcm"),
    Fixture(
        "dicom",
        "nuclear/pet_dynamic_synth",
        victims=("IM011170830.dcm",),
        tree="nuclear/pet_dynamic_synth",
    ),
    _alone("nifti", "mri/nifti/functional.nii"),
    _alone("nifti", "ct/ibsi_digital_phantom/image/phantom.nii.gz"),
    _alone("nifti", "multimodal/ibsi_STS_002/nifti/PET_image.nii.gz"),
    _alone("metaimage", "ct/mha/2DMRI-T1_brain.mha"),
    _alone(
        "metaimage",
        "ultrasound/mha/BkCurvilinearScanConvertedData.igs.mha",
        pixel_size=9.0,
    ),
    _alone("nrrd", "mri/nrrd/prostate_phantom_subvolume.nrrd"),
    _alone("ecat", "nuclear/ecat/tinypet.v"),
    Fixture("interfile", "nuclear/interfile_pet/test_image_3.hv", STIR, STIR),
    Fixture("inveon", "nuclear/inveon_synth/mouse_fdg.img.hdr", INVEON, INVEON),
    Fixture(
        "bruker",
        "mri/bruker_synth/7/pdata/1/2dseq",
        victims=("7/pdata/1/2dseq", "7/pdata/1/visu_pars", "7/pdata/1/reco"),
        tree="mri/bruker_synth",
    ),
    Fixture("imzml", "msi/imzml_examples/Example_Processed.imzML", MSI, MSI),
    _alone("imc-mcd", "imc/20210305_NE_mockData1/20210305_NE_mockData1.mcd"),
    _alone(
        "imc-txt",
        "imc/20210305_NE_mockData1/20210305_NE_mockData1_ROI_003_3.txt",
        pixel_size=1.0,
    ),
    Fixture(
        "laicpms-lines",
        "laicpms/synth/perkinelmer_xl",
        victims=("line_03.xl", "parameters.conf"),
        tree="laicpms/synth/perkinelmer_xl",
        given={"scan_speed": 40.0, "spot_size": 10.0},
    ),
    _alone("laicpms-npz", PEWLIB),
    _alone("laicpms-matrix", "laicpms/synth/image_matrix_Au197.csv", pixel_size=10.0),
    _alone("tiff", "mibi_synth/mibi.tiff"),
    _alone("imaris", "lightsheet/synth.ims"),
    Fixture("bdv", "lightsheet/synth_bdv.xml", BDV, BDV),
    _alone("czi", "optical/czi_synth/synth.czi"),
    _alone("nd2", "optical/nd2/example-zstack.nd2"),
    _alone("slide", "optical/ndpi/test3-TRITC-2-560.ndpi"),
    _alone("slide", "optical/wsi/cmu-1-small-region.svs"),
    _alone("ome-tiff", "optical/ome_tiff_synth/pyramid.ome.tif"),
    _alone("tiff", "optical/ome_tiff_synth/imagej_tzcyx.tif"),
    _alone("tiff", "optical/rgb/multipage.tif", pixel_size=1.0),
    _alone("picture", "optical/rgb/retina.jpg", pixel_size=1.0),
    Fixture(
        "ome-zarr",
        V04,
        (".zattrs", "s0/.zarray", "s0/0/0/0/0", "labels/.zattrs"),
        tree=V04,
    ),
    Fixture(
        "ome-zarr",
        V05,
        ("zarr.json", "s0/zarr.json", "labels/nuclei/zarr.json"),
        tree=V05,
    ),
    _alone("landmarks", "multimodal/msi_he_synth/landmarks.csv"),
)
CASES = [
    pytest.param(fixture, victim, id=f"{fixture.opened}-{Path(victim).name}")
    for fixture in FIXTURES
    for victim in fixture.victims or (Path(fixture.opened).name,)
]
NAMED = ("image_matrix_Au197.csv",)
SINGLE = [f for f in FIXTURES if not f.victims]
SEVERAL = [case for case in CASES if case.values[0].victims]
FOLDERS = [f for f in FIXTURES if f.tree and f.opened.endswith(f.tree)]
OPTIONAL = ("7/pdata/1/reco",)
"""Files without which nothing is lost that another file does not say."""
NOBODY = 65534


def _tree(fixture: Fixture, data: Path, place: Path) -> tuple[Path, str]:
    """Copy what a fixture needs, and return its folder and what in it is opened."""
    source = data / fixture.opened
    if not source.exists():
        pytest.skip(f"{fixture.opened} is not among the test data")
    tree = place / "intact"
    if fixture.tree:
        shutil.copytree(data / fixture.tree, tree)
        inside = source.relative_to(data / fixture.tree).as_posix()
    else:
        tree.mkdir()
        inside = source.name
        for name in fixture.kept or (source.name,):
            shutil.copy(source.parent / name, tree)
    for path in [tree, *tree.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return tree, inside


@pytest.mark.slow
@pytest.mark.parametrize(("fixture", "victim"), CASES)
def test_damaged_copies_give_data_or_one_error(
    fixture: Fixture, victim: str, shared_data: Path, tmp_path: Path
) -> None:
    tree, inside = _tree(fixture, shared_data, tmp_path)
    found = recognise(tree / inside)
    assert found is not None
    assert found.name == fixture.format
    assert assert_data_or_one_error(tree / inside, **fixture.given)
    copies = tmp_path / "copies"
    copies.mkdir()
    for copy in damaged_trees(tree, victim, copies, count=COPIES, seed=11):
        assert_data_or_one_error(copy / inside, **fixture.given)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.opened)
def test_an_empty_file_is_told(
    fixture: Fixture, shared_data: Path, tmp_path: Path
) -> None:
    tree, inside = _tree(fixture, shared_data, tmp_path)
    victim = tree / inside
    if victim.is_dir():
        pytest.skip("a folder cannot be empty and a file")
    victim.write_bytes(b"")
    with pytest.raises(UnreadableFile, match="empty"):
        read(victim, **fixture.given)


@pytest.mark.parametrize("suffix", [".tif", ".dcm", ".csv", ".bin", ""])
@pytest.mark.parametrize("fixture", SINGLE, ids=lambda fixture: fixture.opened)
def test_a_file_under_a_wrong_name_is_read_all_the_same(
    fixture: Fixture, suffix: str, shared_data: Path, tmp_path: Path
) -> None:
    tree, inside = _tree(fixture, shared_data, tmp_path)
    if fixture.opened.endswith(NAMED):
        pytest.skip("the name is part of what is known of such a file")
    known = open_file(tree / inside, **fixture.given)  # type: ignore[arg-type]
    named = (tree / inside).rename(tree / f"renamed{suffix}")
    found = open_file(named, **fixture.given)  # type: ignore[arg-type]
    assert found.format == known.format
    assert len(found.objects) == len(known.objects)
    for one, other in zip(found.objects, known.objects, strict=True):
        assert getattr(one, "shape", None) == getattr(other, "shape", None)


@pytest.mark.parametrize(("fixture", "victim"), SEVERAL)
def test_a_file_with_a_missing_companion_gives_data_or_one_error(
    fixture: Fixture, victim: str, shared_data: Path, tmp_path: Path
) -> None:
    tree, inside = _tree(fixture, shared_data, tmp_path)
    (tree / victim).rename((tree / victim).with_name("renamed.bin"))
    opened = "renamed.bin" if victim == inside else inside
    assert_data_or_one_error(tree / opened, **fixture.given)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Read as a user whom file modes hold back, unless that is so already.

    The system's administrator may read every file whatever its mode is.
    """
    user = os.geteuid()
    # What was read before may have left files of the administrator to be removed.
    gc.collect()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, as pytest's own is not."""
    if not hasattr(os, "geteuid"):
        pytest.skip("files have no modes on this system")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (Path(name) / "tried").mkdir()
        # Nobody may not be allowed to read Python's own modules either.
        codecs.lookup("utf-8-sig")
        yield Path(name)


@pytest.mark.parametrize(("fixture", "victim"), CASES)
def test_a_file_that_may_not_be_opened_is_told(
    fixture: Fixture, victim: str, shared_data: Path, open_folder: Path
) -> None:
    tried, inside = _tree(fixture, shared_data, open_folder / "tried")
    # Also loads all modules, by whoever may read them.
    assert assert_data_or_one_error(tried / inside, **fixture.given)
    tree, inside = _tree(fixture, shared_data, open_folder)
    (tree / victim).chmod(0)
    with as_nobody():
        with pytest.raises(PermissionError):
            (tree / victim).read_bytes()
        is_read = assert_data_or_one_error(tree / inside, **fixture.given)
        if victim == inside:
            with pytest.raises(UnreadableFile, match="Permission denied"):
                read(tree / inside, **fixture.given)
    assert not is_read or victim in OPTIONAL


@pytest.mark.parametrize("fixture", FOLDERS, ids=lambda fixture: fixture.opened)
def test_a_folder_that_may_not_be_listed_is_told(
    fixture: Fixture, shared_data: Path, open_folder: Path
) -> None:
    tree, inside = _tree(fixture, shared_data, open_folder)
    (tree / inside).chmod(0)
    with as_nobody(), pytest.raises(UnreadableFile, match="Permission denied"):
        read(tree / inside, **fixture.given)


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda fixture: fixture.opened)
def test_a_truncated_file_never_gives_other_samples(
    fixture: Fixture, share: float, shared_data: Path, tmp_path: Path
) -> None:
    tree, inside = _tree(fixture, shared_data, tmp_path)
    victim = fixture.victims[0] if (tree / inside).is_dir() else inside
    known = samples_of(tree / inside, **fixture.given)
    data = (tree / victim).read_bytes()
    (tree / victim).write_bytes(data[: min(int(share * len(data)), len(data) - 1)])
    try:
        found = samples_of(tree / inside, **fixture.given)
    except NanoscapeError:
        return
    told = open_file(tree / inside, **fixture.given).warnings  # type: ignore[arg-type]
    assert len(found) == len(known)
    for one, other in zip(found, known, strict=True):
        if any("not complete" in sentence for sentence in told):
            # Of an acquisition that was broken off, the rest is empty.
            other = np.where(np.isnan(one), np.nan, other[: len(one)])
        np.testing.assert_array_equal(one, other)


PACKED = (
    "multimodal/ibsi_STS_002/nifti/PET_image.nii.gz",
    "ct/mha/2DMRI-T1_brain.mha",
    "mri/nrrd/prostate_phantom_subvolume.nrrd",
)


@pytest.mark.parametrize("opened", PACKED)
def test_samples_behind_a_checksum_are_right_or_refused(
    opened: str, shared_data: Path, tmp_path: Path
) -> None:
    tree, inside = _tree(_alone("", opened), shared_data, tmp_path)
    (known,) = read(tree / inside)
    assert isinstance(known, Image)
    copies = tmp_path / "copies"
    copies.mkdir()
    refused = 0
    for copy in damaged_trees(tree, inside, copies, count=max(40, COPIES), seed=11):
        try:
            (found,) = read(copy / inside)
            assert isinstance(found, Image)
            values = found.data.compute(scheduler="synchronous")
        except NanoscapeError:
            refused += 1
        else:
            np.testing.assert_array_equal(values, known.data)
    assert refused
