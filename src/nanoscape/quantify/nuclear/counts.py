"""From counts to activity, by a phantom of known activity."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Quantity, Tags
from nanoscape.model.raster import Level
from nanoscape.operation import Option, Role, operation

_CALIBRATED = ("Bq/mL", "g/mL", "cm²/mL", "%ID/g")


@operation(version=1, title="Calibrate counts")
def calibrate_counts(
    image: Annotated[Image, Role(label="SPECT")],
    *,
    factor: Annotated[
        float, Option(unit="Bq/mL", minimum=0.0, label="Activity for each")
    ] = 0.0,
    per: Annotated[
        Literal["count per second", "count"], Option(label="Unit of the image")
    ] = "count per second",
    duration_s: Annotated[
        float | None, Option(unit="s", minimum=1e-3, label="Acquired for")
    ] = None,
    isotope: str = "",
    collimator: str = "",
    phantom: str = "",
    calibrated_on: Annotated[str, Option(label="Calibrated on")] = "",
) -> Image:
    """Convert an image in counts to Bq/mL with the factor of a phantom.

    A factor holds for one isotope, collimator and reconstruction, and for as long as
    the scanner stays as it was; therefore all of them are recorded.

    Parameters
    ----------
    image
        SPECT or PET in counts, or in units of the scanner.
    factor
        Bq/mL in the phantom for one count, or for one count per second, in the image
        of the phantom.
    per
        What the factor stands for. With "count per second" the counts are divided by
        the time of acquisition.
    duration_s
        Time of acquisition, needed for "count per second".
    isotope
        Such as In-111; must be that of the image where its header states one.
    collimator
        Name of the collimator, or "none" for PET.
    phantom
        What was measured, such as "uniform cylinder, 30 mL, 12 MBq".
    calibrated_on
        Day of the calibration, such as 2026-01-05.

    Returns
    -------
    image
        Activity in Bq/mL at the time of the acquisition; decay is not corrected here.
        The tag ``calibration`` tells how it was made.

    Raises
    ------
    CannotCompute
        If the factor or what it holds for is not given, if the isotope is another
        than that of the image, or if the image is calibrated already.

    Examples
    --------
    >>> counts = Image.from_array(np.full((1, 1), 600), "yx", spacing=500.0)
    >>> activity = calibrate_counts(
    ...     counts,
    ...     factor=50.0,
    ...     duration_s=1200.0,
    ...     isotope="In-111",
    ...     collimator="mouse",
    ...     phantom="cylinder",
    ...     calibrated_on="2026-01-05",
    ... )
    >>> activity.data.compute().tolist(), activity.quantity.unit
    ([[25.0]], 'Bq/mL')
    """
    if image.quantity.unit in _CALIBRATED:
        raise CannotCompute(
            f"{image.name} is in {image.quantity.unit} already", "an image in counts"
        )
    if factor <= 0:
        raise CannotCompute(
            "the activity for each count is not given",
            todo="measure a phantom of known activity with the same settings",
        )
    stated = {
        "isotope": isotope,
        "collimator": collimator,
        "phantom": phantom,
        "day of the calibration": calibrated_on,
    }
    missing = [name for name, value in stated.items() if not value.strip()]
    if missing:
        raise CannotCompute(
            f"a factor holds for one isotope, collimator and phantom, and the "
            f"{' and the '.join(missing)} is not given",
            todo="state it, so that the factor is not used where it does not hold",
        )
    _check_isotope(image, isotope)
    if per == "count per second" and duration_s is None:
        raise CannotCompute(
            "counts per second need the time of the acquisition",
            todo="give the time for which the image was acquired",
        )
    rate = factor / duration_s if per == "count per second" and duration_s else factor
    levels = tuple(
        Level(_scaled(level.data, rate), level.factors) for level in image.levels
    )
    words = ", ".join(f"{name} {value}" for name, value in stated.items())
    account = f"{factor:g} Bq/mL for each {per} ({words})"
    kept = {k: t for k, t in image.tags.tags.items() if k not in ("units", "role")}
    return image.replace(
        levels=levels,
        name=f"{image.name} (Bq/mL)",
        quantity=Quantity("activity concentration", "Bq/mL"),
        tags=Tags(kept).having("user", calibration=account),
    )


def _check_isotope(image: Image, isotope: str) -> None:
    """Raise unless mass numbers agree, where the image states one."""
    ours = _mass_number(isotope)
    theirs = _mass_number(str(image.tags.get("radionuclide") or ""))
    if ours and theirs and ours != theirs:
        raise CannotCompute(
            f"the factor is for {isotope}, and {image.name} shows "
            f"{image.tags['radionuclide']}",
            "a factor measured with the isotope of the image",
        )


def _mass_number(name: str) -> str:
    """Return the digits of a name such as In-111, 99mTc or ^18^Fluorine."""
    return "".join(letter for letter in name if letter.isdigit())


def _scaled(data: Any, factor: float) -> Any:
    return (data * factor).astype(np.result_type(data.dtype, np.float32))
