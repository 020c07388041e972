from __future__ import annotations

import re

import numpy as np
import pytest
from matplotlib.figure import Figure as Page

from nanoscape.errors import WrongInput
from nanoscape.model import Affine, Figure, Image, Labels, Quantity, Tags
from nanoscape.model.raster import pyramid_levels
from nanoscape.plotting.images import draw_image, round_length
from nanoscape.plotting.panel import _letter, figure_panel
from nanoscape.plotting.style import colormap_for, lab_of
from nanoscape.plotting.view import Field, field_of, picture_of


def ramp(shape=(20, 30), **options):
    values = np.arange(np.prod(shape), dtype=float).reshape(shape)
    return Image.from_array(values, "yx", **options)


def test_a_field_ends_at_the_edges_of_pixels():
    assert field_of(ramp(spacing=2.0)) == Field(-1.0, 39.0, -1.0, 59.0)


def test_a_picture_shows_each_pixel_where_it_lies():
    turned = Affine.from_linear([[0.0, -2.0], [2.0, 0.0]], (50.0, 10.0), "yx")
    image = ramp(grid_to_space=turned)
    field = Field(-8.0, 51.0, 9.0, 49.0)
    picture = picture_of(image, field, pixels=59)
    rows, columns = picture.shape
    y = field.top + (np.arange(rows) + 0.5) * (field.bottom - field.top) / rows
    x = field.left + (np.arange(columns) + 0.5) * (field.right - field.left) / columns
    values = image.data.compute()
    for i, j in [(0, 0), (30, 20), (58, 39), (10, 33)]:
        index = turned.inverse().apply([[y[i], x[j]]])[0]
        expected = values[tuple(np.rint(index).astype(int))]
        assert picture[i, j] == expected


def test_outside_of_an_image_nothing_is_drawn():
    picture = picture_of(ramp(spacing=1.0), Field(-10.2, 9.8, -10.2, 9.8), 20)
    assert np.isnan(picture[0, 0])
    assert picture[-1, -1] == 9 * 30 + 9


def test_only_a_coarse_level_is_read_for_a_small_picture():
    import dask.array as da

    def refuse(block):
        raise AssertionError("the finest level was read")

    fine = da.ones((4096, 4096), chunks=1024).map_blocks(refuse, meta=np.ones((1, 1)))
    coarse = da.full((512, 512), 7.0, chunks=512)
    image = ramp(spacing=1.0).replace(levels=pyramid_levels([fine, coarse], "yx"))
    picture = picture_of(image, Field(0.0, 4000.0, 0.0, 4000.0), 400)
    assert (picture == 7).all()


def test_the_scale_bar_is_as_long_as_it_says():
    axes = Page().add_subplot()
    draw_image(axes, ramp((100, 120), spacing=2.0))
    (bar,) = (line for line in axes.lines if line.get_gid() == "scale-bar")
    start, stop = bar.get_xdata()
    assert stop - start == 50.0
    assert [text.get_text() for text in axes.texts] == ["50 µm"]


@pytest.mark.parametrize(
    ("largest", "expected"), [(10.0, 10.0), (9.99, 5.0), (1999, 1000.0), (0.03, 0.02)]
)
def test_lengths_are_round(largest, expected):
    assert round_length(largest) == pytest.approx(expected)


def test_the_colour_bar_names_quantity_and_unit():
    page = Page()
    image = ramp(spacing=1.0, quantity=Quantity("activity concentration", "Bq/mL"))
    draw_image(page.add_subplot(), image)
    assert page.axes[1].get_ylabel() == "activity concentration (Bq/mL)"


def test_values_around_zero_get_colours_that_diverge_from_it():
    values = np.arange(600.0).reshape(20, 30) - 100
    image = Image.from_array(values, "yx", spacing=1.0)
    shown = draw_image(Page().add_subplot(), image)
    low, high = shown.get_clim()
    assert low == -high


def test_a_panel_is_the_same_each_time_and_survives_saving(tmp_path):
    images = [
        ramp(spacing=1.0, name="CD31", tags=Tags.of("user", role="Vessels")),
        ramp(spacing=1.0, name="Drug", tags=Tags.of("user", role="Drug")),
    ]
    outlines = Labels.from_array(np.tri(20, 30, dtype="i4"), "yx", spacing=1.0)
    figure = figure_panel(images, outlines, dpi=80)
    assert figure.files == figure_panel(images, outlines, dpi=80).files
    assert figure.files["png"].startswith(b"\x89PNG")
    assert b">Drug<" in figure.files["svg"].replace(b"b   ", b"")
    loaded = Figure.load(figure.save(tmp_path / "panel"))
    assert dict(loaded.files) == dict(figure.files)
    assert loaded.tables["Contrast limits"].image.tolist() == ["CD31", "Drug"]
    assert [p.name for p in tmp_path.iterdir()] == ["panel"]


def test_what_is_no_section_is_refused():
    volume = Image.from_array(np.zeros((3, 4, 5)), "zyx", spacing=1.0, name="CT")
    with pytest.raises(WrongInput, match="CT has the axes zyx"):
        figure_panel([volume])
    with pytest.raises(WrongInput, match="no image to show"):
        figure_panel([])


@pytest.mark.parametrize("role", ["Drug", "Carrier", "Vessels", "Perfusion", "Nuclei"])
def test_amounts_get_even_steps_of_lightness(role):
    colours = colormap_for(role)(np.linspace(0, 1, 256))[:, :3]
    lightness = lab_of(colours)[:, 0]
    np.testing.assert_allclose(np.diff(lightness), 100 / 255, atol=1e-3)
    middle = colours[128]
    assert middle.max() - middle.min() > 0.2


def test_lightness_is_that_of_cielab():
    """White, black, mid grey and pure red: CIE 1976 values of sRGB."""
    colours = np.array([[1, 1, 1], [0, 0, 0], [0.5, 0.5, 0.5], [1, 0, 0.0]])
    expected = [[100, 0, 0], [0, 0, 0], [53.389, 0, 0], [53.241, 80.092, 67.203]]
    np.testing.assert_allclose(lab_of(colours), expected, atol=0.02)


@pytest.mark.parametrize(
    ("low", "unit", "role", "diverging"),
    [
        (-250.0, "", None, True),
        (-250.0, "HU", None, False),
        (-250.0, "a.u.", "Anatomy", False),
        (-5.0, "a.u.", None, False),
    ],
)
def test_only_scores_diverge(low, unit, role, diverging):
    image = Image.from_array(
        np.linspace(low, 300, 600).reshape(20, 30),
        "yx",
        spacing=1.0,
        quantity=Quantity("value", unit),
        tags=Tags.of("user", role=role),
    )
    bottom, top = draw_image(Page().add_subplot(), image).get_clim()
    assert (bottom == -top) == diverging


def test_long_names_stay_above_their_own_panel():
    names = ["Distance to the nearest perfused vessel in the section " * 2, "CD31"]
    images = [ramp(spacing=1.0, name=name) for name in names]
    svg = figure_panel(images, columns=2, width_mm=90, dpi=72).files["svg"].decode()
    lines = re.findall(r">((?:a   )?[^<>]*(?:Distance|perfused|vessel)[^<>]*)<", svg)
    assert 1 <= len([x for x in lines if "<" not in x]) <= 2
    assert all(len(line) < 40 for line in lines)


def test_letters_go_on_after_z():
    assert [_letter(n) for n in (0, 25, 26, 27, 52)] == ["a", "z", "aa", "ab", "ba"]
