"""From what a scanner stored to the injected fraction per millilitre."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nanoscape.errors import CannotCompute
from nanoscape.model import Image
from nanoscape.quantify.nuclear.administration import (
    Stated,
    body_weight,
    half_life,
    injected_dose,
    injection_time,
    states_activity,
)
from nanoscape.quantify.nuclear.body import SUV_TYPES, Normalisation, normalising_mass
from nanoscape.quantify.nuclear.decay import (
    aligned,
    decay_constant,
    frame_factor,
    parse_time,
    reference_time,
    values_of,
)

Factor = float | NDArray[np.float64]

_WHY_NOT = {
    "CPS": "counts per second without a calibration",
    "PROPCNTS": "only proportional to counts",
    "PROPCPS": "only proportional to counts per second",
    "1CM": "an attenuation coefficient",
    "CNTS": "counts, and the header holds neither of the scanner's factors "
    "(often removed when data is made anonymous)",
}


@dataclass(frozen=True)
class Given:
    """What the user states in place of the header.

    Attributes
    ----------
    weight_g, height_m, sex
        Of the body.
    dose_mbq, injection_time, reference_time, half_life_min
        Of the dose.
    decay_correction
        ``""`` for the header's, else ``START``, ``ADMIN`` or ``NONE``.
    assume_units
        Whether a weight or dose may be taken in another unit than stated.
    """

    weight_g: float | None = None
    height_m: float | None = None
    sex: str = ""
    dose_mbq: float | None = None
    injection_time: str = ""
    reference_time: str = ""
    half_life_min: float | None = None
    decay_correction: str = ""
    assume_units: bool = False


@dataclass
class Account:
    """How a number came about, in sentences.

    Attributes
    ----------
    steps
        Each value and correction, in order.
    warnings
        What may be wrong.
    """

    steps: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def injected_fraction(image: Image, given: Given, account: Account) -> Factor:
    """Return what turns stored samples into the injected fraction per mL.

    Decay is corrected to the injection, so that the fraction is one of substance.

    Returns
    -------
    float or ndarray
        One factor, or one for each slice, of a shape that broadcasts to the
        image.

    Raises
    ------
    CannotCompute
        If the unit of the image or its header do not allow it.
    """
    units = units_of(image)
    if units in ("GML", "CM2ML"):
        return _from_suv(image, given, account, units)
    scale: Factor = 1.0
    if units == "CNTS":
        suv_factor = _per_slice(image, "philips_suv_factor")
        activity = _per_slice(image, "philips_activity_factor")
        overridden = given.weight_g is not None or given.dose_mbq is not None
        if suv_factor is not None and not (overridden and activity is not None):
            account.steps.append(
                f"counts × {_text(suv_factor)} g/mL, the scanner's SUV factor (header)"
            )
            return suv_factor * _from_suv(image, given, account, "GML")
        if activity is None:
            raise _refused(image, units)
        scale = activity
        account.steps.append(
            f"counts × {_text(activity)} Bq/mL, the scanner's activity factor (header)"
        )
    elif units != "BQML":
        raise _refused(image, units)
    else:
        account.steps.append("stored values in Bq/mL (header)")
    return scale * _per_becquerel(image, given, account)


def units_of(image: Image) -> str:
    """Return the unit of an image as DICOM's Units (0054,1001) name it."""
    unit = image.quantity.unit
    known = {"Bq/mL": "BQML", "g/mL": "GML", "cm²/mL": "CM2ML"}
    return known.get(unit) or str(image.tags.get("units") or unit)


def suv_kind(image: Image) -> Normalisation:
    """Return by what an SUV image is normalised."""
    if units_of(image) == "CM2ML":
        return "body surface area"
    text = str(image.tags.get("suv_type") or "")
    if text not in SUV_TYPES:
        raise CannotCompute(f"the SUVType {text!r} is not known")
    return SUV_TYPES[text]


def mass_of(kind: Normalisation, image: Image, given: Given, account: Account) -> float:
    """Return the mass (g) or surface (cm²) of the body, and account for it."""
    weight = body_weight(image, given.weight_g, given.assume_units)
    return _mass(kind, weight, image, given, account)


def _mass(
    kind: Normalisation, weight: Stated, image: Image, given: Given, account: Account
) -> float:
    tags = image.tags
    height = given.height_m or tags.get("size_m")
    sex = given.sex or str(tags.get("sex") or "")
    mass = normalising_mass(kind, weight.value, height and float(height), sex)
    account.steps.append(f"weight {weight.value:g} g ({weight.source})")
    if kind != "body weight":
        unit = "cm²" if kind == "body surface area" else "g"
        account.steps.append(
            f"{kind} {mass:.6g} {unit} from height {float(height or 0):g} m "
            f"and sex {sex or 'unknown'}"
        )
        if weight.value < 20e3:
            account.warnings.append(f"the {kind} is a formula for human adults")
    return mass


def _per_becquerel(image: Image, given: Given, account: Account) -> Factor:
    """Return the injected fraction per Bq in the image."""
    tags = image.tags
    dose = injected_dose(tags, given.dose_mbq, given.assume_units)
    account.steps.append(f"injected dose {dose.value / 1e6:.10g} MBq ({dose.source})")
    correction = _decay_correction(image, given, account)
    if correction == "ADMIN":
        account.steps.append("decay is already corrected to the injection (ADMIN)")
        return 1 / dose.value
    life = half_life(tags, given.half_life_min)
    account.steps.append(f"half-life {life.value:g} s ({life.source})")
    if correction == "NONE":
        return _undecayed(image, given, life.value, account) / dose.value
    if given.reference_time:
        time, why = parse_time(given.reference_time), "given"
    else:
        reference = reference_time(tags, life.value)
        time, why = reference.time, reference.why
        account.warnings.extend(reference.warnings)
    start, source = injection_time(tags, given.injection_time, time, life.value)
    seconds = (time - start).total_seconds()
    left = math.exp(-decay_constant(life.value) * seconds)
    account.steps += [
        f"injected {start.isoformat()} ({source})",
        f"image corrected to {time.isoformat()} ({why})",
        f"{left:.8g} of the dose is left after {seconds:.6g} s",
    ]
    return 1 / (dose.value * left)


def _undecayed(
    image: Image, given: Given, half_life_s: float, account: Account
) -> Factor:
    """Return the correction from the average in each frame to the injection."""
    tags = image.tags
    starts = [parse_time(text) for text in values_of(tags, "acquisition_times")]
    rows = aligned(starts, values_of(tags, "frame_durations_s"))
    if not rows:
        raise CannotCompute(
            "the image is not corrected for decay and does not say when and how long "
            "each frame was acquired",
            "AcquisitionTime and ActualFrameDuration in its header",
        )
    start, source = injection_time(tags, given.injection_time, rows[0][0], half_life_s)
    rate = decay_constant(half_life_s)
    factors = [
        frame_factor(duration, half_life_s)
        * math.exp(rate * (begin - start).total_seconds())
        for begin, duration in rows
    ]
    account.steps += [
        f"injected {start.isoformat()} ({source})",
        "decay corrected here, from each frame's average to the injection: "
        f"× {min(factors):.6g} to {max(factors):.6g}",
    ]
    return _shaped(image, factors)


def _from_suv(image: Image, given: Given, account: Account, units: str) -> Factor:
    """Return the fraction per unit of an SUV that the scanner computed."""
    if given.injection_time or given.reference_time or given.half_life_min:
        raise CannotCompute(
            f"{image.name} holds SUV computed by the scanner, so that times can no "
            "longer be changed",
            "an image in Bq/mL",
            "leave the times empty, or export the image in Bq/mL",
        )
    kind: Normalisation = (
        "body weight" if units_of(image) == "CNTS" else suv_kind(image)
    )
    if str(image.tags.get("suv_type") or "") == "LBM":
        account.warnings.append("the formula of the lean mass is not stated: James")
    # The scanner divided by this weight, be it right or wrong.
    known = image.tags.get("scanner_weight_g") or image.tags.get("weight_g")
    weight = Stated(
        float(known or given.weight_g or 0.0),
        "used by the scanner" if known else "given",
    )
    if weight.value <= 0:
        raise CannotCompute(
            "the body weight with which the scanner computed SUV is not known",
            todo="give the weight in g",
        )
    account.steps.append(f"SUV by {kind} computed by the scanner ({units})")
    mass = _mass(kind, weight, image, given, account)
    return _dose_ratio(image, given, account) / mass


def restated(image: Image) -> bool:
    """Whether a study sheet or user states another weight or dose than the scanner."""
    tags = image.tags
    weight, dose = tags.get("weight_g"), tags.get("injected_dose")
    scanner_weight = tags.get("scanner_weight_g")
    if weight and scanner_weight and not math.isclose(weight, scanner_weight):
        return True
    return bool(dose) and _dose_is_newer(image)


def _dose_is_newer(image: Image) -> bool:
    tags = image.tags
    stated = "injected_dose" in tags and states_activity(tags)
    return stated and tags.origin("injected_dose") in ("sheet", "user")


def _dose_ratio(image: Image, given: Given, account: Account) -> float:
    """Return the dose that the scanner used over the one stated since."""
    tags = image.tags
    if given.dose_mbq is None and not _dose_is_newer(image):
        return 1.0
    was = tags.get("scanner_dose_bq")
    if not was:
        raise CannotCompute(
            f"{image.name} holds SUV, and the dose with which the scanner computed it "
            "is not known",
            "an image in Bq/mL",
            "leave the dose empty",
        )
    now = injected_dose(tags, given.dose_mbq, given.assume_units)
    account.steps.append(
        f"dose {now.value / 1e6:g} MBq ({now.source}) in place of {was / 1e6:g} MBq"
    )
    return float(was) / now.value


def _decay_correction(image: Image, given: Given, account: Account) -> str:
    tags = image.tags
    found = given.decay_correction or str(tags.get("decay_correction") or "")
    if found not in ("START", "ADMIN", "NONE"):
        raise CannotCompute(
            f"{image.name} does not say to which time its decay is corrected"
            + (f" ({found})" if found else ""),
            "DecayCorrection START, ADMIN or NONE in its header",
            "state the decay correction",
        )
    corrections = values_of(tags, "corrected_image")
    for name, word in (("ATTN", "attenuation"), ("SCAT", "scatter")):
        if corrections and name not in corrections:
            account.warnings.append(f"the image is not corrected for {word}")
    decayed = "DECY" in corrections
    if corrections and not given.decay_correction and decayed != (found != "NONE"):
        account.warnings.append(
            f"DecayCorrection is {found}, but CorrectedImage says otherwise"
        )
    who = "given" if given.decay_correction else "header"
    account.steps.append(f"decay correction {found} ({who})")
    return found


def _per_slice(image: Image, name: str) -> Factor | None:
    values = [float(v) for v in values_of(image.tags, name)]
    if not values or not all(values):
        return None
    return values[0] if len(set(values)) == 1 else _shaped(image, values)


def _shaped(image: Image, values: list[float]) -> Factor:
    """Return values for frames or slices in a shape that broadcasts to the image."""
    if len(set(values)) == 1:
        return values[0]
    sizes = dict(zip(image.axes, image.shape, strict=True))
    frames, slices = sizes.get("t", 1), sizes.get("z", 1)
    array = np.asarray(values)
    lead = [sizes[axis] for axis in image.axes if axis in "tz"]
    if len(values) == frames * slices:
        shaped = array.reshape(lead)
    elif len(values) == frames:
        shaped = array.reshape([frames, *[1] * (len(lead) - 1)])
    else:
        raise CannotCompute(
            f"{image.name} has {frames * slices} slices, and its header describes "
            f"{len(values)}",
            "the whole image",
            "convert the image before cutting a part out of it",
        )
    return shaped[..., np.newaxis, np.newaxis]


def _refused(image: Image, units: str) -> CannotCompute:
    reason = _WHY_NOT.get(units, f"in the unit {units!r}")
    return CannotCompute(
        f"{image.name} holds values that are {reason}",
        "Bq/mL, SUV, or counts with the scanner's factor",
        "export it in Bq/mL, calibrate its counts with a phantom, or measure it as it "
        "is",
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return f"{np.min(value):.6g} to {np.max(value):.6g}"
