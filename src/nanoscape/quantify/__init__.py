"""From raw signal to amount."""

_ARTERIAL = "nanoscape.quantify.kinetics.arterial_input"

OPERATIONS: dict[str, str] = {
    "calibrate_counts": "nanoscape.quantify.nuclear.counts:calibrate_counts",
    "input_from_table": f"{_ARTERIAL}:input_from_table",
    "measured_input": f"{_ARTERIAL}:measured_input",
    "percent_injected_dose": "nanoscape.quantify.nuclear.suv:percent_injected_dose",
    "population_input": f"{_ARTERIAL}:population_input",
    "suv": "nanoscape.quantify.nuclear.suv:suv",
}
