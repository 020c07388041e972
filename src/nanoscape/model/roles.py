"""The parts that images and objects play in a study, and how they are guessed."""

from __future__ import annotations

import re

ROLES = (
    "Drug",
    "Carrier",
    "Vessels",
    "Perfusion",
    "Nuclei",
    "Tissue",
    "Necrosis",
    "Hypoxia",
    "Anatomy",
    "Exclude",
)

# Whole words of channel and analyte names as laboratories write them.
_PATTERNS = {
    "Vessels": r"cd31|pecam-?1?|cd34|vessels?|endomucin|vwf|collagen iv",
    "Perfusion": r"lectin|perfusion|hoechst perfusion|dextran",
    "Nuclei": r"dapi|nuclei|nucleus|nuclear|hoechst|draq5|dsdna|ir19[13]",
    "Drug": r"drug|dox|doxorubicin|\w+platin|paclitaxel|irinotecan|sn-?38|pt19[45]",
    "Carrier": r"carrier|nanoparticles?|liposomes?|gold|au197|197au|au|micelles?",
    "Hypoxia": r"pimonidazole|hypoxia|ef5|caix|ca9",
    "Necrosis": r"necrosis|necrotic",
    "Tissue": r"tissue|tumou?r",
    "Exclude": r"exclude|excluded|folds?|tears?|bubbles?",
    "Anatomy": r"ct|mr|mri|t1|t2|anatomy|h&e|he|brightfield|autofluorescence",
}


def guess_role(name: str) -> str | None:
    """Guess the role of a channel, ion or stain from its name.

    Parameters
    ----------
    name
        A name as a file gives it, such as ``"CD31 (AF647)"``.

    Returns
    -------
    str or None
        One of :data:`ROLES`, or ``None`` when the name says nothing.

    Examples
    --------
    >>> guess_role("CD31 (AF647)")
    'Vessels'
    """
    for role, pattern in _PATTERNS.items():
        if re.search(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])", name.lower()):
            return role
    return None
