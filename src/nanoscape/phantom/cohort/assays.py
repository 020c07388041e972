"""What a gamma counter and a mass spectrometer say of pieces of tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CU64_HALF_LIFE_S = 12.7006 * 3600
"""Of ⁶⁴Cu, in seconds; NUBASE2020, doi:10.1088/1674-1137/abddae."""


@dataclass(frozen=True)
class AssayPlan:
    """How pieces of a lesion are weighed, counted and extracted. All chosen.

    Attributes
    ----------
    carrier_percent_per_g
        Injected dose per gram of tissue, in percent, where the level is 1.
    drug_ng_per_g
        Drug where the level is 1.
    piece_g, piece_sd_g
        Mass of a piece, and its spread between pieces.
    balance_sd_g
        Error of the balance.
    injected_bq, delay_s
        Activity at injection, and time from then to the counter.
    counting_s, efficiency, background_cps
        Time of a count, counts per decay, and counts per second of an empty tube.
    recovery, recovery_cv
        Share of the drug that the extraction finds, which calibration makes good for
        on average, and its coefficient of variation.
    lcms_cv, limit_ng_per_g
        Coefficient of variation of the mass spectrometer; below the limit of
        quantification nothing is reported.
    """

    carrier_percent_per_g: float = 6.0
    drug_ng_per_g: float = 900.0
    piece_g: float = 0.05
    piece_sd_g: float = 0.01
    balance_sd_g: float = 2e-4
    injected_bq: float = 8e6
    delay_s: float = 24 * 3600.0
    counting_s: float = 60.0
    efficiency: float = 0.2
    background_cps: float = 0.5
    recovery: float = 0.8
    recovery_cv: float = 0.05
    lcms_cv: float = 0.06
    limit_ng_per_g: float = 5.0


def assay(
    level: FloatArray, plan: AssayPlan, generator: np.random.Generator
) -> pd.DataFrame:
    """Measure one piece of each lesion by both instruments.

    Parameters
    ----------
    level
        True level of each lesion, shape ``(n,)``.
    plan
        How it is measured.
    generator
        Source of chance.

    Returns
    -------
    DataFrame
        ``mass_g`` as weighed, ``counts`` with their ``background_counts`` and
        ``counting_s``, ``carrier_percent_per_g`` and ``drug_ng_per_g`` as they would
        be reported; the last is missing below the limit of quantification.
    """
    many = len(level)
    mass = np.maximum(generator.normal(plan.piece_g, plan.piece_sd_g, many), 0.01)
    weighed = mass + generator.normal(0, plan.balance_sd_g, many)
    left = plan.injected_bq * np.exp2(-plan.delay_s / CU64_HALF_LIFE_S)
    per_percent = left / 100 * plan.efficiency * plan.counting_s
    blank = plan.background_cps * plan.counting_s
    amount = plan.carrier_percent_per_g * level * mass
    counts = generator.poisson(amount * per_percent + blank)
    empty = generator.poisson(blank, many)
    found = plan.recovery * (1 + plan.recovery_cv * generator.standard_normal(many))
    read = 1 + plan.lcms_cv * generator.standard_normal(many)
    drug = plan.drug_ng_per_g * level * (mass / weighed) * found / plan.recovery * read
    return pd.DataFrame(
        {
            "mass_g": weighed,
            "counts": counts,
            "background_counts": empty,
            "counting_s": plan.counting_s,
            "carrier_percent_per_g": (counts - empty) / per_percent / weighed,
            "drug_ng_per_g": np.where(drug < plan.limit_ng_per_g, np.nan, drug),
        }
    )
