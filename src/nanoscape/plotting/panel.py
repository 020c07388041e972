"""A figure panel: several modalities of one field of view, side by side."""

from __future__ import annotations

import math
import string
import textwrap
from typing import Annotated, Literal

import pandas as pd

from nanoscape.compute import Task
from nanoscape.errors import WrongInput
from nanoscape.model import Figure, Image, Labels, Tags
from nanoscape.operation import Option, Role, operation
from nanoscape.plotting.images import draw_image, draw_outlines, quantity_text
from nanoscape.plotting.style import DARK, LIGHT, MM_PER_INCH, rendered
from nanoscape.plotting.view import field_of

_TITLE_MM = 3.0
_LETTER_WIDTH = 0.55
_MM_PER_POINT = 25.4 / 72
_FEWEST_PIXELS, _MOST_PIXELS = 300, 2000
_BAR_MM = 13.0


@operation(version=1, title="Figure panel")
def figure_panel(
    images: list[Image],
    outlines: Annotated[Labels | None, Role("Vessels")] = None,
    *,
    columns: Annotated[int, Option(minimum=1, maximum=6)] = 3,
    width_mm: Annotated[
        float, Option(unit="mm", minimum=40, maximum=400, label="Width")
    ] = 170.0,
    dpi: Annotated[int, Option(minimum=72, maximum=1200, label="Dots per inch")] = 300,
    percentiles: Annotated[
        tuple[float, float],
        Option(unit="%", minimum=0, maximum=100, label="Contrast between"),
    ] = (0.5, 99.5),
    letters: Annotated[bool, Option(label="Letters")] = True,
    background: Literal["white", "dark"] = "white",
    font_size: Annotated[
        float, Option(unit="pt", minimum=4, maximum=20, advanced=True)
    ] = 7.0,
    task: Task | None = None,
) -> Figure:
    """Put several images of one field of view side by side.

    Each image is drawn in its place, with a scale bar and, unless it is in colour,
    a colour bar with its quantity and unit.

    Parameters
    ----------
    images
        The images; the first one gives the field of view.
    outlines
        Objects whose borders are drawn over every image.
    columns
        Images in one row.
    width_mm
        Width of the printed figure. A larger value leaves the text the same size.
    dpi
        Resolution of the picture file. A larger value gives a larger file.
    percentiles
        Share of the pixels that are drawn darkest and brightest. Values further
        apart show more of the range and less contrast.
    letters
        Whether panels are marked a, b, c …
    background
        Colour of the page.
    font_size
        Size of all text.
    task
        Progress.

    Returns
    -------
    figure
        PNG, SVG and PDF, with the contrast limits of each image as a table.

    Raises
    ------
    WrongInput
        If there is no image, or one is not a section of the same space.
    """
    from matplotlib.figure import Figure as Page

    if not images:
        raise WrongInput("there is no image to show", todo="choose at least one")
    task = task or Task()
    theme = LIGHT if background == "white" else DARK
    field = field_of(images[0])
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell = width_mm / columns
    titles = _titles(images, letters, cell, font_size)
    lines = max(title.count("\n") + 1 for title in titles)
    title_mm = _TITLE_MM + 1.3 * lines * font_size * _MM_PER_POINT
    shape = (field.bottom - field.top) / (field.right - field.left)
    height_mm = rows * ((cell - _BAR_MM) * shape + title_mm)
    pixels = round(min(max(cell / MM_PER_INCH * dpi, _FEWEST_PIXELS), _MOST_PIXELS))
    size = (width_mm / MM_PER_INCH, height_mm / MM_PER_INCH)
    page = Page(figsize=size, layout="constrained", facecolor=theme.background)
    limits = []
    for number, image in enumerate(images):
        task.step(number, len(images) + 1, f"drawing {image.name}")
        field_of(image)
        axes = page.add_subplot(rows, columns, number + 1)
        letter = _letter(number) if letters else ""
        shown = draw_image(
            axes, image, field=field, percentiles=percentiles, title=titles[number],
            pixels=pixels, theme=theme, size=font_size,
        )  # fmt: skip
        if outlines is not None:
            draw_outlines(axes, outlines, field, pixels=pixels)
        low, high = (math.nan, math.nan) if image.rgb else shown.get_clim()
        quantity = quantity_text(image.quantity)
        limits.append((letter, image.name, quantity, low, high))
    task.step(len(images), len(images) + 1, "writing the figure")
    files = {suffix: rendered(page, suffix, dpi) for suffix in ("png", "svg", "pdf")}
    frame = pd.DataFrame(limits, columns=["panel", "image", "quantity", "low", "high"])
    names = ", ".join(image.name for image in images)
    return Figure(
        files=files, name=f"Panel: {names}", tables={"Contrast limits": frame},
        tags=Tags(),
    )  # fmt: skip


def _letter(number: int) -> str:
    """Return a, b, … z, aa, ab, … for panels counted from zero."""
    rounds, rest = divmod(number, 26)
    return (_letter(rounds - 1) if rounds else "") + string.ascii_lowercase[rest]


def _titles(
    images: list[Image], letters: bool, width_mm: float, font_size: float
) -> list[str]:
    """Return what stands above each panel, in at most two lines of its width."""
    fitting = max(8, int(width_mm / (_LETTER_WIDTH * font_size * _MM_PER_POINT)) - 2)
    titles = []
    for number, image in enumerate(images):
        lead = f"{_letter(number)}   " if letters else ""
        lines = textwrap.wrap(
            image.name, fitting - len(lead), max_lines=2, placeholder=" …"
        )
        titles.append(lead + "\n".join(lines))
    return titles
