"""From raw signal to amount."""

_ARTERIAL = "nanoscape.quantify.kinetics.arterial_input"
_AREAS = "nanoscape.quantify.kinetics.area_curves"
_DYNAMIC = "nanoscape.quantify.kinetics.dynamic"
_MRI = "nanoscape.quantify.mri"

OPERATIONS: dict[str, str] = {
    "bracketing_standards": "nanoscape.quantify.laser.drift:bracketing_standards",
    "calibrate_counts": "nanoscape.quantify.nuclear.counts:calibrate_counts",
    "calibration_curve": "nanoscape.quantify.calibration.curve:calibration_curve",
    "concentration": "nanoscape.quantify.calibration.concentration:concentration",
    "correct_drift": "nanoscape.quantify.laser.drift:correct_drift",
    "extended_tofts": f"{_DYNAMIC}:extended_tofts",
    "initial_area": f"{_AREAS}:initial_area",
    "input_from_table": f"{_ARTERIAL}:input_from_table",
    "internal_standard": (
        "nanoscape.quantify.calibration.internal_standard:internal_standard"
    ),
    "iron_oxide": f"{_MRI}.iron_oxide:iron_oxide",
    "kinetics_of_areas": f"{_AREAS}:kinetics_of_areas",
    "measured_input": f"{_ARTERIAL}:measured_input",
    "patlak": f"{_DYNAMIC}:patlak",
    "percent_injected_dose": "nanoscape.quantify.nuclear.suv:percent_injected_dose",
    "population_input": f"{_ARTERIAL}:population_input",
    "spoiled_gradient_echo": f"{_MRI}.spoiled_gradient_echo:spoiled_gradient_echo",
    "subtract_background": "nanoscape.quantify.laser.background:subtract_background",
    "suv": "nanoscape.quantify.nuclear.suv:suv",
    "t1_flip_angles": f"{_MRI}.relaxation:t1_flip_angles",
    "t1_inversion_recovery": f"{_MRI}.relaxation:t1_inversion_recovery",
    "t2_echoes": f"{_MRI}.relaxation:t2_echoes",
    "tissue_extinction": "nanoscape.quantify.calibration.extinction:tissue_extinction",
    "tofts": f"{_DYNAMIC}:tofts",
    "two_compartment_exchange": f"{_DYNAMIC}:two_compartment_exchange",
    "undo_washout": "nanoscape.quantify.laser.washout:undo_washout",
}
