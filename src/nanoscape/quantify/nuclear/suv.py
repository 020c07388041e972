"""Uptake of a radioactive dose: SUV and percent of the injected dose per gram."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np

from nanoscape.errors import CannotCompute
from nanoscape.model import Image, Quantity, Tags
from nanoscape.model.raster import Level
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.nuclear.administration import weight_doubt
from nanoscape.quantify.nuclear.body import SHORT, Normalisation
from nanoscape.quantify.nuclear.uptake import (
    Account,
    Factor,
    Given,
    injected_fraction,
    mass_of,
    restated,
    suv_kind,
    units_of,
)

DecayCorrection = Literal["as in the file", "START", "ADMIN", "NONE"]

_Weight = Annotated[
    float | None, Option(unit="g", minimum=1.0, maximum=1e6, label="Body weight")
]
_Dose = Annotated[
    float | None,
    Option(unit="MBq", minimum=1e-4, maximum=1e5, label="Injected dose"),
]
_HalfLife = Annotated[
    float | None,
    Option(unit="min", minimum=0.1, maximum=1e8, label="Half-life", advanced=True),
]
_Correction = Annotated[DecayCorrection, Option(advanced=True)]


@operation(version=1, title="Standardised uptake value (SUV)")
def suv(
    image: Annotated[Image, Role(label="PET or SPECT")],
    *,
    normalisation: Annotated[Normalisation, Option(label="Relative to")] = (
        "body weight"
    ),
    weight_g: _Weight = None,
    dose_mbq: _Dose = None,
    injection_time: Annotated[str, Option(label="Injected at")] = "",
    reference_time: Annotated[
        str, Option(label="Decay corrected to", advanced=True)
    ] = "",
    half_life_min: _HalfLife = None,
    decay_correction: _Correction = "as in the file",
    height_cm: Annotated[
        float | None,
        Option(unit="cm", minimum=1.0, maximum=300.0, label="Height", advanced=True),
    ] = None,
    sex: Annotated[
        Literal["as in the file", "M", "F"], Option(advanced=True)
    ] = "as in the file",
    assume_units: Annotated[bool, Option(label="Assume units")] = False,
) -> Image:
    """Convert a PET or calibrated SPECT image to standardised uptake values.

    SUV is the concentration of activity relative to what it would be if the dose
    were spread evenly over the body: 1 where uptake is average.

    Parameters
    ----------
    image
        Image of activity as it was read from its file.
    normalisation
        Body weight is the only one for animals; the others are for human adults.
    weight_g
        Body weight at the scan, in place of the header's. In studies of animals the
        header often holds a placeholder.
    dose_mbq
        What entered the body at the injection time, in place of the header's.
    injection_time
        Such as 2026-01-05T09:05:00, in place of the header's.
    reference_time
        Time to which the scanner corrected the decay, in place of the one found in
        the header.
    half_life_min
        Half-life of the radionuclide, in place of the header's.
    decay_correction
        START: corrected to the start of the scan; ADMIN: to the injection; NONE: not
        corrected.
    height_cm
        Body height, for normalisations other than weight.
    sex
        For the lean body masses.
    assume_units
        Take a weight in grams, or a dose in MBq, where the header's number is
        plausible only so. Without it such a header is refused.

    Returns
    -------
    image
        SUV in g/mL (cm²/mL for the body surface). Its tag ``derivation`` tells each
        value used and where it came from, ``derivation_warnings`` what may be wrong,
        and ``conversion_factor`` by what the stored values were multiplied.

    Raises
    ------
    CannotCompute
        If the header and what is given do not suffice; the sentence says what is
        missing.

    Notes
    -----
    Follows the vendor-neutral rules of QIBA and the manual of the Image Biomarker
    Standardisation Initiative for SUV; equations in the chapter on methods. One
    millilitre is taken to weigh one gram.

    Examples
    --------
    >>> header = Tags.of(
    ...     "header",
    ...     units="BQML",
    ...     decay_correction="ADMIN",
    ...     weight_g=25.0,
    ...     injected_dose=5e6,
    ...     injected_dose_unit="Bq",
    ... )
    >>> activity = Image.from_array(np.full((1, 1), 4e5), "yx", spacing=500.0)
    >>> found = suv(activity.replace(tags=header, quantity=Quantity("", "Bq/mL")))
    >>> round(float(found.data.compute()[0, 0]), 9)
    2.0
    """
    given = Given(
        weight_g=weight_g,
        height_m=None if height_cm is None else height_cm / 100,
        sex=_stated(sex),
        dose_mbq=dose_mbq,
        injection_time=injection_time.strip(),
        reference_time=reference_time.strip(),
        half_life_min=half_life_min,
        decay_correction=_stated(decay_correction),
        assume_units=assume_units,
    )
    account = Account()
    unit = "cm²/mL" if normalisation == "body surface area" else "g/mL"
    quantity = Quantity(SHORT[normalisation], unit)
    factor: Factor
    unchanged = given == Given(assume_units=assume_units) and not restated(image)
    if unchanged and _is_already(image, normalisation):
        account.steps.append(f"the file holds {quantity} already; nothing is changed")
        weight = float(image.tags.get("weight_g") or 0.0)
        doubt = weight_doubt(image, weight) if weight > 0 else ""
        if doubt:
            account.warnings.append(
                f"the scanner computed SUV with {weight / 1e3:g} kg, {doubt}"
            )
        factor = 1.0
    else:
        fraction = injected_fraction(image, given, account)
        factor = fraction * mass_of(normalisation, image, given, account)
    return _converted(image, factor, quantity, account)


@operation(version=1, title="Percent of the injected dose per gram")
def percent_injected_dose(
    image: Annotated[Image, Role(label="PET or SPECT")],
    *,
    weight_g: _Weight = None,
    dose_mbq: _Dose = None,
    injection_time: Annotated[str, Option(label="Injected at")] = "",
    reference_time: Annotated[
        str, Option(label="Decay corrected to", advanced=True)
    ] = "",
    half_life_min: _HalfLife = None,
    decay_correction: _Correction = "as in the file",
    density_g_ml: Annotated[
        float,
        Option(unit="g/mL", minimum=0.1, maximum=3.0, label="Density", advanced=True),
    ] = 1.0,
    assume_units: Annotated[bool, Option(label="Assume units")] = False,
) -> Image:
    """Convert a PET or calibrated SPECT image to percent of injected dose per gram.

    The decay is corrected to the injection, so that images of any time after it can
    be compared.

    Parameters
    ----------
    image
        Image of activity as it was read from its file.
    weight_g
        Body weight that the scanner should have used; only where the file holds SUV.
    dose_mbq
        What entered the body at the injection time, in place of the header's.
    injection_time
        Such as 2026-01-05T09:05:00, in place of the header's.
    reference_time
        Time to which the scanner corrected the decay, in place of the one found in
        the header.
    half_life_min
        Half-life of the radionuclide, in place of the header's.
    decay_correction
        START: corrected to the start of the scan; ADMIN: to the injection; NONE: not
        corrected.
    density_g_ml
        Mass of a millilitre of tissue.
    assume_units
        Take a weight in grams, or a dose in MBq, where the header's number is
        plausible only so. Without it such a header is refused.

    Returns
    -------
    image
        %ID/g; with the tags that :func:`suv` describes.

    Raises
    ------
    CannotCompute
        If the header and what is given do not suffice.

    Notes
    -----
    %ID/g = 100 · A / (D · ρ), with A the activity per mL corrected to the injection,
    D the dose and ρ the density; for ρ = 1 g/mL it is SUV · 100 g / weight.
    """
    given = Given(
        weight_g=weight_g,
        dose_mbq=dose_mbq,
        injection_time=injection_time.strip(),
        reference_time=reference_time.strip(),
        half_life_min=half_life_min,
        decay_correction=_stated(decay_correction),
        assume_units=assume_units,
    )
    account = Account()
    factor = injected_fraction(image, given, account) * 100 / density_g_ml
    account.steps.append(f"1 mL weighs {density_g_ml:g} g (setting)")
    return _converted(image, factor, Quantity("uptake", "%ID/g"), account)


def _stated(choice: str) -> str:
    return "" if choice == "as in the file" else choice


def _is_already(image: Image, normalisation: Normalisation) -> bool:
    return units_of(image) in ("GML", "CM2ML") and suv_kind(image) == normalisation


def _converted(
    image: Image, factor: Factor, quantity: Quantity, account: Account
) -> Image:
    """Return the image times a factor, with the account in its tags."""
    if np.ndim(factor) and len(image.levels) > 1:
        raise CannotCompute(
            f"{image.name} has a pyramid and one factor for each slice",
            "an image of one resolution",
        )
    levels = tuple(
        Level(_scaled(level.data, factor), level.factors) for level in image.levels
    )
    plain: Any = float(factor) if not np.ndim(factor) else np.ravel(factor).tolist()
    account.steps.append(f"stored values × {_range(factor)} → {quantity}")
    kinds = {"SUVbw": "BW", "SUVibw": "IBW", "SUVlbm (James)": "LBMJAMES128",
             "SUVlbm (Janmahasatian)": "LBMJANMA"}  # fmt: skip
    dropped = {"role", "units", "suv_type"}
    tags = Tags({k: t for k, t in image.tags.tags.items() if k not in dropped})
    tags = tags.merged(
        Tags.of(
            "header",
            suv_type=kinds.get(quantity.name),
            conversion_factor=plain,
            derivation=list(account.steps),
            derivation_warnings=list(account.warnings) or None,
        )
    )
    return image.replace(
        levels=levels, quantity=quantity, tags=tags, name=f"{image.name} {quantity}"
    )


def _scaled(data: Any, factor: Factor) -> Any:
    dtype = np.result_type(data.dtype, np.float32)
    return (data * factor).astype(dtype)


def _range(factor: Factor) -> str:
    low, high = float(np.min(factor)), float(np.max(factor))
    return f"{low:.10g}" if low == high else f"{low:.6g} to {high:.6g}"
