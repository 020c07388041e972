"""From raw signal to amount."""

OPERATIONS: dict[str, str] = {
    "calibrate_counts": "nanoscape.quantify.nuclear.counts:calibrate_counts",
    "percent_injected_dose": "nanoscape.quantify.nuclear.suv:percent_injected_dose",
    "suv": "nanoscape.quantify.nuclear.suv:suv",
}
