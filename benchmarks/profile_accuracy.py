"""``python -m benchmarks.profile_accuracy``: distance profiles against known fields.

Round vessels lie at random places of a square field with pixels of 1 µm. The drug
is ``exp(-d / 30 µm) + 0.2``, or noise that knows nothing of the vessels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks import Benchmark
from nanoscape.model import Affine, Image, Labels, Level
from nanoscape.statistics.distance.distance_map import distance_map
from nanoscape.statistics.distance.distance_profile import distance_profile

LENGTH = 30.0

BENCHMARKS: dict[str, Benchmark] = {}
"""None: what is measured here is not time."""


def field(seed: int, side: int, per_mm2: float) -> Labels:
    """Return vessels of 9 µm at random places."""
    rng = np.random.default_rng(seed)
    number = rng.poisson(per_mm2 * side**2 * 1e-6)
    mask = np.zeros((side, side), bool)
    mask[tuple(rng.integers(0, side, (number, 2)).T)] = True
    mask = ndimage.distance_transform_edt(~mask) <= 4
    return Labels.from_array(mask, "yx", spacing=1.0, name="vessels")


def measured(values: NDArray[np.float64], pixel: int) -> Image:
    """Return the mean of the values over square pixels."""
    side = values.shape[0] // pixel
    cut = values[: side * pixel, : side * pixel]
    means = cut.reshape(side, pixel, side, pixel).mean(axis=(1, 3))
    place = Affine.from_spacing("yx", float(pixel), [(pixel - 1) / 2] * 2)
    return Image.from_array(means, "yx", grid_to_space=place, name="drug")


def coarse_pixels() -> None:
    """Print the fitted length for pixels of an imaging mass spectrometer."""
    print("pixel_um per_mm2 fitted_um sd_um plain_exponential_um refused")
    for pixel in (20, 30, 50):
        for per_mm2 in (50, 100, 200):
            lengths, plain = [], []
            for seed in range(5):
                vessels = field(seed, 1500, per_mm2)
                distance = distance_map(vessels).data.compute().astype(np.float64)
                drug = measured(np.exp(-distance / LENGTH) + 0.2, pixel)
                noise = np.random.default_rng(seed).normal(0, 0.03, drug.shape)
                drug = drug.replace(levels=_levels(drug, noise))
                row = distance_profile(drug, vessels).summary.data.iloc[0]
                lengths.append(row.decay_length_um)
                # The same drug, with each pixel copied onto the slide.
                copied = np.kron(drug.data.compute(), np.ones((pixel, pixel)))
                crop = vessels.data[: len(copied), : len(copied)]
                slide = Image.from_array(copied, "yx", spacing=1.0, name="drug")
                cut = Labels.from_array(crop, "yx", spacing=1.0, name="vessels")
                found = distance_profile(slide, cut).summary.data.iloc[0]
                plain.append(found.decay_length_um)
            print(
                f"{pixel} {per_mm2} {np.nanmean(lengths):.1f} {np.nanstd(lengths):.1f} "
                f"{np.nanmean(plain):.0f} {np.isnan(lengths).sum()}"
            )


def _levels(drug: Image, noise: NDArray[np.float64]) -> tuple[Level, ...]:
    return Image.from_array(drug.data.compute() + noise, "yx", spacing=1.0).levels


def no_gradient() -> None:
    """Print how often noise is said to follow the vessels."""
    print("pixel_um grain_um rejected_at_0.05 untested of")
    for pixel, grains in ((1, (0, 5, 20, 60)), (25, (0, 50))):
        side = 1000 if pixel == 1 else 1500
        for grain in grains:
            tests = []
            for seed in range(40):
                shape = (side // pixel,) * 2
                values = np.random.default_rng(1000 + seed).normal(size=shape)
                values = ndimage.gaussian_filter(values, grain / pixel)
                values = np.kron(values / values.std(), np.ones((pixel, pixel)))
                drug = measured(5 + values, pixel)
                found = distance_profile(drug, field(seed, side, 100), law="none")
                tests.append(found.summary.data.gradient_p.iloc[0])
            share = np.mean(np.array(tests) <= 0.05)
            print(f"{pixel} {grain} {share:.3f} {np.isnan(tests).sum()} {len(tests)}")


def interval() -> None:
    """Print how often the 95 % interval of the length holds the true one."""
    held, lengths = [], []
    for seed in range(30):
        vessels = field(seed, 800, 100)
        distance = distance_map(vessels).data.compute().astype(np.float64)
        noise = np.random.default_rng(seed).normal(size=distance.shape)
        noise = ndimage.gaussian_filter(noise, 5)
        values = np.exp(-distance / LENGTH) + 0.2 + 0.2 * noise / noise.std()
        row = distance_profile(measured(values, 1), vessels).summary.data.iloc[0]
        held.append(row.decay_length_low_um <= LENGTH <= row.decay_length_high_um)
        lengths.append(row.decay_length_um)
    print(
        f"mean {np.mean(lengths):.1f} sd {np.std(lengths):.1f} held {np.mean(held):.2f}"
    )


if __name__ == "__main__":
    coarse_pixels()
    no_gradient()
    interval()
