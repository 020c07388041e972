"""From raw signal to amount."""

OPERATIONS: dict[str, str] = {
    "percent_injected_dose": "nanoscape.quantify.nuclear:percent_injected_dose",
    "suv": "nanoscape.quantify.nuclear:suv",
}
