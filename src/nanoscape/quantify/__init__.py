"""From raw signal to amount."""

OPERATIONS: dict[str, str] = {
    "calibrate_counts": "nanoscape.quantify.counts:calibrate_counts",
    "calibration_curve": "nanoscape.quantify.calibration.curve:calibration_curve",
    "concentration": "nanoscape.quantify.calibration.concentration:concentration",
    "internal_standard": (
        "nanoscape.quantify.calibration.internal_standard:internal_standard"
    ),
    "percent_injected_dose": "nanoscape.quantify.nuclear:percent_injected_dose",
    "suv": "nanoscape.quantify.nuclear:suv",
    "tissue_extinction": "nanoscape.quantify.calibration.extinction:tissue_extinction",
}
