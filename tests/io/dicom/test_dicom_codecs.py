"""Frames are decoded to what pydicom decodes, where it can."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from dicom_files import dicom_file, save
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.uid import JPEGLosslessSV1

from nanoscape.errors import UnreadableFile
from nanoscape.io import open_file, read
from nanoscape.io.dicom.source import frames_of, read_frame, read_header
from nanoscape.model import Image

RNG = np.random.default_rng(6)
GREY = (
    "693_J2KI.dcm", "CT_small.dcm", "JPEG2000.dcm", "MR_small.dcm",
    "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "MR_small_expb.dcm",
    "MR_small_implicit.dcm", "MR_small_jp2klossless.dcm", "MR_small_padded.dcm",
    "liver_1frame.dcm", "liver_expb_1frame.dcm", "rtdose.dcm", "rtdose_1frame.dcm",
    "rtdose_expb.dcm", "rtdose_rle.dcm", "rtdose_rle_1frame.dcm",
    "examples_overlay.dcm",
)  # fmt: skip
COLOUR = (
    "SC_rgb_rle.dcm", "SC_rgb_rle_2frame.dcm", "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm", "SC_ybr_full_422_uncompressed.dcm",
    "SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_dcmtk_+eb+cr.dcm",
    "examples_rgb_color.dcm", "examples_jpeg2k.dcm", "examples_ybr_color.dcm",
)  # fmt: skip
DEEP_COLOUR = (
    "SC_rgb_rle_16bit.dcm", "SC_rgb_rle_16bit_2frame.dcm", "SC_rgb_rle_32bit.dcm",
    "SC_rgb_rle_32bit_2frame.dcm",
)  # fmt: skip


def example(name: str) -> Path:
    """Return a file that pydicom brings along."""
    return Path(str(get_testdata_file(name, download=False)))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", [*GREY, *DEEP_COLOUR, *COLOUR])
def test_frames_are_those_of_pydicom(name: str) -> None:
    path = example(name)
    count = frames_of(read_header(path))
    colour = name in COLOUR
    for frame in sorted({0, count - 1}):
        truth = pixel_array(path, index=frame, raw=not colour)
        found = read_frame(path, frame, colour=colour)
        assert found.dtype.newbyteorder("=") == truth.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, truth)


def test_a_deflated_file_is_read() -> None:
    path = example("image_dfl.dcm")
    truth = pixel_array(dcmread(path), raw=True)
    np.testing.assert_array_equal(read_frame(path), truth)


def test_a_table_of_contents_is_no_image(tmp_path: Path) -> None:
    contents = example("dicomdirtests/DICOMDIR")
    with pytest.raises(UnreadableFile, match="table of contents"):
        read(contents)
    slice_ = example("CT_small.dcm")
    for path in (contents, slice_):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    opened = open_file(tmp_path)
    assert len(opened.objects) == 1
    assert not any("contents" in warning for warning in opened.warnings)


def test_jpeg_ls_equals_the_uncompressed_file() -> None:
    found = read_frame(example("MR_small_jpeg_ls_lossless.dcm"))
    np.testing.assert_array_equal(found, read_frame(example("MR_small.dcm")))


@pytest.mark.parametrize("bits", [12, 16])
def test_lossless_jpeg_is_decoded(bits: int, tmp_path: Path) -> None:
    pixels = RNG.integers(-1000, 1000, (1, 32, 48)).astype(np.int16)
    header = dicom_file(
        pixels, "7.3", "OT", BitsStored=bits, HighBit=bits - 1, PixelSpacing=[1, 1]
    )
    header.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    stored = pixels[0].view(np.uint16) & (2**bits - 1)
    code = imagecodecs.ljpeg_encode(stored, bitspersample=bits)
    header.PixelData = encapsulate([code])
    header["PixelData"].is_undefined_length = True
    path = save(header, tmp_path / "a.dcm")
    np.testing.assert_array_equal(read_frame(path), pixels[0])


def test_a_palette_becomes_red_green_and_blue() -> None:
    path = example("examples_palette.dcm")
    (image,) = read(path, pixel_size=1.0)
    assert isinstance(image, Image)
    dataset = dcmread(path)
    truth = apply_color_lut(pixel_array(dataset), dataset)
    assert image.rgb
    assert truth.dtype == np.uint16
    np.testing.assert_array_equal(image.data.compute(), truth >> 8)


def test_deep_colours_keep_their_upper_eight_bits(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 4096, (1, 4, 5, 3)).astype(np.uint16)
    header = dicom_file(pixels, "7.4", "OT", BitsStored=12, HighBit=11)
    (image,) = read(save(header, tmp_path / "a.dcm"), pixel_size=1.0)
    assert isinstance(image, Image)
    np.testing.assert_array_equal(image.data.compute(), pixels[0] >> 4)
