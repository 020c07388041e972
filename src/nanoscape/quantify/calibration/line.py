"""A straight line fitted to standards, and what it says of an unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from nanoscape.errors import CannotCompute, WrongInput

Floats = NDArray[np.float64]
Weighting = Literal["1", "1/x", "1/x²", "1/variance", "given"]


@dataclass(frozen=True)
class Line:
    """signal = intercept + slope · concentration.

    Attributes
    ----------
    slope, intercept
        Of the line.
    slope_variance, intercept_variance, covariance
        Squared standard errors of both, and their covariance.
    residual_sd
        s_y/x, the root of the squares of residuals over the degrees of freedom, in
        units of the signal whatever the weights.
    r_squared
        Weighted share of the variance that the line explains; of the squares, where
        it goes through the origin.
    freedom
        Degrees of freedom.
    """

    slope: float
    intercept: float
    slope_variance: float
    intercept_variance: float
    covariance: float
    residual_sd: float
    r_squared: float
    freedom: int

    def quantile(self, confidence: float = 0.95) -> float:
        """Return the two-sided quantile of Student's t."""
        return float(stats.t.ppf((1 + confidence) / 2, self.freedom))

    def concentration(self, signal: Floats | float) -> Floats:
        """Return the concentration at which the line has a signal."""
        return (np.asarray(signal, np.float64) - self.intercept) / self.slope

    def standard_error(self, signal: Floats, variance: Floats | float) -> Floats:
        """Return the standard error of a concentration, to first order.

        Parameters
        ----------
        signal
            What was measured.
        variance
            Of that measurement.
        """
        x = self.concentration(signal)
        line = self.intercept_variance + 2 * x * self.covariance
        total = variance + line + x**2 * self.slope_variance
        return np.sqrt(np.maximum(total, 0.0)) / abs(self.slope)

    def interval(
        self, signal: float, variance: float, confidence: float = 0.95
    ) -> tuple[float, float]:
        """Return the interval of a concentration by Fieller's theorem.

        It holds all x for which the measured signal does not differ from the line,
        (y − b − m x)² ≤ t² (var(y) + var(b) + 2 x cov(b, m) + x² var(m)).

        Parameters
        ----------
        signal, variance
            What was measured, and its variance.
        confidence
            Of the interval.
        """
        t2 = self.quantile(confidence) ** 2
        above = signal - self.intercept
        a = self.slope**2 - t2 * self.slope_variance
        b = above * self.slope + t2 * self.covariance
        c = above**2 - t2 * (variance + self.intercept_variance)
        if a <= 0:
            return -math.inf, math.inf
        half = math.sqrt(max(b * b - a * c, 0.0))
        return (b - half) / a, (b + half) / a


def weights_of(
    known: Floats,
    weighting: Weighting,
    given: Floats | None = None,
    variance: Floats | None = None,
) -> Floats:
    """Return the weight of each standard; zero leaves it out of the fit.

    Parameters
    ----------
    known
        Concentrations.
    weighting
        What the weights are.
    given, variance
        Weights, and variances of the signals, where these are asked for.

    Raises
    ------
    WrongInput
        If weights or variances are asked for and are not known, or not above zero.
    """
    if weighting == "1/variance":
        if variance is None or not (np.isfinite(variance) & (variance > 0)).all():
            raise WrongInput(
                "the spread of the standards is not known",
                "areas of several pixels that are not all the same",
                "choose other weights",
            )
        return 1 / variance
    if weighting == "given":
        if given is None or not (np.isfinite(given) & (given > 0)).all():
            raise WrongInput(
                "the standards have no weights",
                "a table with numbers above zero in the column weight",
            )
        return given
    if weighting == "1":
        return np.ones(len(known))
    power = {"1/x": 1, "1/x²": 2}[weighting]
    with np.errstate(divide="ignore"):
        return np.where(known > 0, np.abs(known) ** -float(power), 0.0)


def fit_line(
    known: Floats, signal: Floats, weights: Floats, *, through_origin: bool = False
) -> Line:
    """Fit signals on known concentrations by weighted least squares.

    Parameters
    ----------
    known, signal
        Concentrations and signals of the standards.
    weights
        Inverse variances up to a factor; standards of weight zero take no part.
    through_origin
        Whether the intercept is zero by definition.

    Raises
    ------
    CannotCompute
        If there are too few standards, or the signal does not rise or fall with the
        concentration beyond its error.
    """
    taken = weights > 0
    x, y, w = known[taken], signal[taken], weights[taken]
    parameters = 1 if through_origin else 2
    if len(np.unique(x[x != 0] if through_origin else x)) <= parameters:
        raise CannotCompute(
            f"there are {len(np.unique(x))} different concentrations to fit",
            f"at least {parameters + 1}",
            "measure more standards; those of 0 take no part in weighted fits",
        )
    columns = [x] if through_origin else [np.ones(len(x)), x]
    # The scale of concentrations must not decide how well the fit is conditioned.
    scale = np.array([np.sqrt(np.sum(w * column**2)) for column in columns])
    design = np.stack(columns, axis=1) / scale
    inverse = np.linalg.inv((design * w[:, None]).T @ design)
    found = inverse @ ((design * w[:, None]).T @ y) / scale
    rest = y - np.stack(columns, axis=1) @ found
    freedom = len(x) - parameters
    left = float(np.sum(w * rest**2))
    middle = 0.0 if through_origin else float(np.average(y, weights=w))
    whole = float(np.sum(w * (y - middle) ** 2))
    variance = left / freedom
    covariance = variance * inverse / np.outer(scale, scale)
    line = Line(
        slope=float(found[-1]),
        intercept=0.0 if through_origin else float(found[0]),
        slope_variance=float(covariance[-1, -1]),
        intercept_variance=0.0 if through_origin else float(covariance[0, 0]),
        covariance=0.0 if through_origin else float(covariance[0, 1]),
        residual_sd=math.sqrt(float(np.sum(rest**2)) / freedom),
        r_squared=1 - left / whole if whole > 0 else math.nan,
        freedom=freedom,
    )
    if abs(line.slope) <= line.quantile() * math.sqrt(line.slope_variance):
        raise CannotCompute(
            f"the signal does not change with the concentration: the slope is "
            f"{line.slope:.4g} ± {math.sqrt(line.slope_variance):.2g}",
            "a slope that differs from zero",
            "check which standard holds what, and whether this is its signal",
        )
    return line
