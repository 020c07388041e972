"""Published texture features of the digital phantom of the IBSI."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from nanoscape.model import Image
from nanoscape.workflow.verify_check import Check, check, run

PHANTOM = (
    "14411 14611 41641 44641 14411 11611 x1311 44611 "
    "144xx 11111 11x11 11611 144xx 11111 11111 11611"
)
"""Rows of five voxels of 2 mm, four rows in each of four slices; x is outside."""

_SOURCE = "IBSI digital phantom, doi:10.1148/radiol.2020191145"

AGGREGATIONS = (
    "2D averaged",
    "2D merged",
    "2.5D averaged",
    "2.5D merged",
    "3D averaged",
    "3D merged",
)

_TABLE = """
glcm
joint_maximum 0.519 0.512 0.489 0.492 0.503 0.509
joint_average 2.14 2.14 2.2 2.2 2.14 2.15
joint_variance 2.69 2.71 3.22 3.24 3.1 3.13
joint_entropy_bits 2.05 2.24 2.48 2.61 2.4 2.57
difference_average 1.42 1.4 1.46 1.44 1.43 1.38
difference_variance 2.9 3.06 3.11 3.23 3.06 3.21
difference_entropy_bits 1.4 1.49 1.61 1.67 1.56 1.64
sum_average 4.28 4.29 4.41 4.41 4.29 4.3
sum_variance 5.47 5.66 7.48 7.65 7.07 7.41
sum_entropy_bits 1.6 1.79 2.01 2.14 1.92 2.11
angular_second_moment 0.368 0.352 0.286 0.277 0.303 0.291
contrast 5.28 5.19 5.39 5.29 5.32 5.12
dissimilarity 1.42 1.4 1.46 1.44 1.43 1.38
inverse_difference 0.678 0.683 0.668 0.673 0.677 0.688
inverse_difference_normalised 0.851 0.854 0.847 0.85 0.851 0.856
inverse_difference_moment 0.619 0.625 0.606 0.613 0.618 0.631
inverse_difference_moment_normalised 0.899 0.901 0.897 0.899 0.898 0.902
inverse_variance 0.0567 0.0553 0.0597 0.0582 0.0604 0.0574
correlation -0.0121 0.0173 0.178 0.182 0.157 0.183
autocorrelation 5.09 5.14 5.4 5.45 5.06 5.19
cluster_tendency 5.47 5.66 7.48 7.65 7.07 7.41
cluster_shade 7 6.98 16.6 16.4 16.6 17.4
cluster_prominence 79.1 80.4 147 142 145 147
information_correlation_1 -0.155 -0.0341 -0.124 -0.0334 -0.157 -0.0288
information_correlation_2 0.487 0.263 0.487 0.291 0.52 0.269
glrlm
short_run_emphasis 0.641 0.661 0.665 0.68 0.705 0.729
long_run_emphasis 3.78 3.51 3.46 3.27 3.06 2.76
low_grey_level_run_emphasis 0.604 0.609 0.58 0.585 0.603 0.607
high_grey_level_run_emphasis 9.82 9.74 10.3 10.2 9.7 9.64
short_run_low_grey_level_emphasis 0.294 0.311 0.296 0.312 0.352 0.372
short_run_high_grey_level_emphasis 8.57 8.67 9.03 9.05 8.54 8.67
long_run_low_grey_level_emphasis 3.14 2.92 2.79 2.63 2.39 2.16
long_run_high_grey_level_emphasis 17.4 16.1 17.9 17 17.6 15.6
grey_level_non_uniformity 5.2 20.5 19.5 77.1 21.8 281
grey_level_non_uniformity_normalised 0.46 0.456 0.413 0.412 0.43 0.43
run_length_non_uniformity 6.12 21.6 22.3 83.2 26.9 328
run_length_non_uniformity_normalised 0.492 0.441 0.461 0.445 0.513 0.501
run_percentage 0.627 0.627 0.632 0.632 0.68 0.68
grey_level_variance 3.35 3.37 3.58 3.59 3.46 3.48
run_length_variance 0.761 0.778 0.758 0.767 0.574 0.598
run_length_entropy_bits 2.17 2.57 2.52 2.76 2.43 2.62
glszm
small_zone_emphasis 0.363 0.368 0.255
large_zone_emphasis 43.9 34.2 550
low_grey_level_zone_emphasis 0.371 0.368 0.253
high_grey_level_zone_emphasis 16.4 16.2 15.6
small_zone_low_grey_level_emphasis 0.0259 0.0295 0.0256
small_zone_high_grey_level_emphasis 10.3 9.87 2.76
large_zone_low_grey_level_emphasis 40.4 30.6 503
large_zone_high_grey_level_emphasis 113 107 1490
grey_level_non_uniformity 1.41 5.44 1.4
grey_level_non_uniformity_normalised 0.323 0.302 0.28
zone_size_non_uniformity 1.49 3.44 1
zone_size_non_uniformity_normalised 0.333 0.191 0.2
zone_percentage 0.24 0.243 0.0676
grey_level_variance 3.97 3.92 2.64
zone_size_variance 21 17.3 331
zone_size_entropy_bits 1.93 3.08 2.32
gldzm
small_distance_emphasis 0.946 0.917 1
large_distance_emphasis 1.21 1.33 1
low_grey_level_zone_emphasis 0.371 0.368 0.253
high_grey_level_zone_emphasis 16.4 16.2 15.6
small_distance_low_grey_level_emphasis 0.367 0.362 0.253
small_distance_high_grey_level_emphasis 15.2 14.3 15.6
large_distance_low_grey_level_emphasis 0.386 0.391 0.253
large_distance_high_grey_level_emphasis 21.3 23.7 15.6
grey_level_non_uniformity 1.41 5.44 1.4
grey_level_non_uniformity_normalised 0.323 0.302 0.28
zone_distance_non_uniformity 3.79 14.4 5
zone_distance_non_uniformity_normalised 0.898 0.802 1
zone_percentage 0.24 0.243 0.0676
grey_level_variance 3.97 3.92 2.64
zone_distance_variance 0.051 0.0988 0
zone_distance_entropy_bits 1.73 2 1.92
ngtdm
coarseness 0.121 0.0285 0.0296
contrast 0.925 0.601 0.584
busyness 2.99 6.8 6.54
complexity 10.4 14.1 13.5
strength 2.88 0.741 0.763
ngldm
low_dependence_emphasis 0.158 0.159 0.045
high_dependence_emphasis 19.2 18.8 109
low_grey_level_count_emphasis 0.702 0.693 0.693
high_grey_level_count_emphasis 7.49 7.66 7.66
low_dependence_low_grey_level_emphasis 0.0473 0.0477 0.00963
low_dependence_high_grey_level_emphasis 3.06 3.07 0.736
high_dependence_low_grey_level_emphasis 17.6 17.2 102
high_dependence_high_grey_level_emphasis 49.5 50.8 235
grey_level_non_uniformity 10.2 37.9 37.9
grey_level_non_uniformity_normalised 0.562 0.512 0.512
dependence_count_non_uniformity 3.96 12.4 4.86
dependence_count_non_uniformity_normalised 0.212 0.167 0.0657
dependence_count_percentage 1 1 1
grey_level_variance 2.7 3.05 3.05
dependence_count_variance 2.73 3.27 22.1
dependence_count_entropy_bits 2.71 3.36 4.4
dependence_count_energy 0.17 0.122 0.0533
"""
"""Three digits for each aggregation, or for 2D, 2.5D and 3D where direction is none."""


class Reference(NamedTuple):
    """A published value.

    Attributes
    ----------
    column
        Name of the feature.
    value, tolerance
        Value, and half a unit of its last digit.
    """

    column: str
    value: float
    tolerance: float


def phantom() -> Image:
    """Return the digital phantom, not measured outside of its region."""
    letters = PHANTOM.replace(" ", "")
    values = [math.nan if letter == "x" else float(letter) for letter in letters]
    return Image.from_array(np.array(values).reshape(4, 4, 5), "zyx", spacing=2000.0)


def references(aggregation: str) -> Iterator[Reference]:
    """Yield the published values of one aggregation."""
    place, family = AGGREGATIONS.index(aggregation), ""
    for line in _TABLE.split("\n"):
        name, *digits = line.split(" ")
        if not digits:
            family = name
            continue
        value = float(digits[place if len(digits) == 6 else place // 2])
        exponent = math.floor(math.log10(abs(value))) if value else 0
        yield Reference(f"{family}_{name}", value, 0.5 * 10.0 ** (exponent - 2))


def texture_checks() -> Iterator[Check]:
    """Yield checks of the texture of a volume."""
    for aggregation in ("3D merged", "3D averaged"):
        table = run(
            "statistics.texture", phantom(), bin_width=1.0, aggregation=aggregation
        )
        row = table.data.iloc[0]
        for column, value, tolerance in references(aggregation):
            name = f"IBSI {column.replace('_', ' ')}, {aggregation}"
            if aggregation == "3D merged" or column.startswith(("glcm", "glrlm")):
                # A value half-way between two digits may be rounded either way.
                yield check(name, row[column], value, 1.001 * tolerance, _SOURCE)
    for smallest, index in ((1, 0.2), (5, 0.31982), (10, 0.43243)):
        table = run(
            "statistics.drug_homogeneity",
            phantom(),
            bin_width=1.0,
            smallest_zone=smallest,
        )
        found = table.data["drug_homogeneity_index"].iloc[0]
        name = f"drug homogeneity index, zones of {smallest} voxels and more"
        source = "zones of the IBSI digital phantom, doi:10.1021/acs.analchem.8b01870"
        yield check(name, found, index, 5e-6, source)
