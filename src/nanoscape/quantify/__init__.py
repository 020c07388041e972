"""From raw signal to amount."""

OPERATIONS: dict[str, str] = {
    "bracketing_standards": "nanoscape.quantify.laser.drift:bracketing_standards",
    "calibrate_counts": "nanoscape.quantify.counts:calibrate_counts",
    "calibration_curve": "nanoscape.quantify.calibration.curve:calibration_curve",
    "concentration": "nanoscape.quantify.calibration.concentration:concentration",
    "correct_drift": "nanoscape.quantify.laser.drift:correct_drift",
    "internal_standard": (
        "nanoscape.quantify.calibration.internal_standard:internal_standard"
    ),
    "percent_injected_dose": "nanoscape.quantify.nuclear:percent_injected_dose",
    "subtract_background": "nanoscape.quantify.laser.background:subtract_background",
    "suv": "nanoscape.quantify.nuclear:suv",
    "tissue_extinction": "nanoscape.quantify.calibration.extinction:tissue_extinction",
    "undo_washout": "nanoscape.quantify.laser.washout:undo_washout",
}
