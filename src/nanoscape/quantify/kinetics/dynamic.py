"""Kinetics of a contrast agent in every pixel: Tofts, Patlak, two compartments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from nanoscape.compute import Task
from nanoscape.model import Image, Labels, Regions, Table
from nanoscape.operation import Option, Role, operation
from nanoscape.quantify.fitting.tissue import EXCHANGE, EXTENDED_TOFTS, PATLAK, TOFTS
from nanoscape.quantify.kinetics.tissue_fit import fit_maps

_Concentration = Annotated[Image, Role(label="Concentration over time")]
_Input = Annotated[Table, Role(label="Arterial input")]
_Tissue = Annotated[Labels | Regions | None, Role("Tissue")]
_ScaleError = Annotated[Image | None, Role(label="Error of the scale")]
_Rate = Option(unit="1/min", minimum=0.0, maximum=100.0, advanced=True)
_Share = Option(minimum=0.0, maximum=1.0, advanced=True)
_Delay = Annotated[
    tuple[float, float],
    Option(unit="s", minimum=-60.0, maximum=60.0, label="Delay from, to"),
]


@dataclass(frozen=True)
class ToftsMaps:
    """Maps of Tofts' model.

    Attributes
    ----------
    ktrans
        Transfer from plasma to tissue in 1/min.
    ve
        Share of the tissue that is outside of cells and vessels.
    ktrans_error, ve_error
        Standard errors; missing where the value is at a bound.
    delay
        How much later than the input the agent arrives, in s.
    r_squared
        Share of the curve's variance that is explained.
    residual
        Root of the mean squared difference of curve and fit, in mM.
    """

    ktrans: Image
    ve: Image
    ktrans_error: Image
    ve_error: Image
    delay: Image
    r_squared: Image
    residual: Image


@dataclass(frozen=True)
class ExtendedToftsMaps:
    """Maps of Tofts' model with plasma.

    Attributes
    ----------
    ktrans
        Transfer from plasma to tissue in 1/min.
    ve, vp
        Shares of the tissue that are outside of cells and vessels, and plasma.
    ktrans_error, ve_error, vp_error
        Standard errors; missing where the value is at a bound.
    delay
        How much later than the input the agent arrives, in s.
    r_squared
        Share of the curve's variance that is explained.
    residual
        Root of the mean squared difference of curve and fit, in mM.
    """

    ktrans: Image
    ve: Image
    vp: Image
    ktrans_error: Image
    ve_error: Image
    vp_error: Image
    delay: Image
    r_squared: Image
    residual: Image


@dataclass(frozen=True)
class PatlakMaps:
    """Maps of Patlak's model.

    Attributes
    ----------
    ktrans
        Transfer from plasma to tissue in 1/min.
    vp
        Share of the tissue that is plasma.
    ktrans_error, vp_error
        Standard errors; missing where the value is at a bound.
    delay
        How much later than the input the agent arrives, in s.
    r_squared
        Share of the curve's variance that is explained.
    residual
        Root of the mean squared difference of curve and fit, in mM.
    """

    ktrans: Image
    vp: Image
    ktrans_error: Image
    vp_error: Image
    delay: Image
    r_squared: Image
    residual: Image


@dataclass(frozen=True)
class ExchangeMaps:
    """Maps of the two-compartment exchange model.

    Attributes
    ----------
    fp
        Plasma flow in mL/min for each mL of tissue.
    ps
        Permeability times surface of the vessels in 1/min.
    ve, vp
        Shares of the tissue that are outside of cells and vessels, and plasma.
    fp_error, ps_error, ve_error, vp_error
        Standard errors; missing where the value is at a bound.
    delay
        How much later than the input the agent arrives, in s.
    r_squared
        Share of the curve's variance that is explained.
    residual
        Root of the mean squared difference of curve and fit, in mM.
    """

    fp: Image
    ps: Image
    ve: Image
    vp: Image
    fp_error: Image
    ps_error: Image
    ve_error: Image
    vp_error: Image
    delay: Image
    r_squared: Image
    residual: Image


@operation(version=1, title="Tofts' model")
def tofts(
    concentration: _Concentration,
    arterial_input: _Input,
    tissue: _Tissue = None,
    scale_error: _ScaleError = None,
    *,
    delay_s: _Delay = (0.0, 0.0),
    ktrans_bounds: Annotated[tuple[float, float], _Rate] = (0.0, 5.0),
    ve_bounds: Annotated[tuple[float, float], _Share] = (0.0, 1.0),
    task: Task | None = None,
) -> ToftsMaps:
    """Map how fast an agent leaves the vessels, and into how much of the tissue.

    For tissue with little blood, or frames too slow to see its first passage.

    Parameters
    ----------
    concentration
        Concentration of the agent over time, in mM.
    arterial_input
        Table with the concentration in plasma, such as one made of a drawn artery.
    tissue
        Where to fit; everywhere by default.
    scale_error
        Relative error of the concentrations' scale, as it is made with them; goes
        into the standard errors.
    delay_s
        Earliest and latest arrival, later than the input; fitted when they differ.
    ktrans_bounds, ve_bounds
        Lowest and highest value.
    task
        Progress.

    Returns
    -------
    ToftsMaps
        Values, standard errors and goodness of fit.

    Raises
    ------
    CannotCompute
        If times are missing or wrong, the input does not cover the series, or the
        area holds no curve.
    WrongInput
        If the image is not in mM.

    Notes
    -----
    C(t) = Ktrans ∫ Cp(u) exp(−Ktrans (t − u) / ve) du (Tofts et al. 1999,
    doi:10.1002/(SICI)1522-2586(199909)10:3<223::AID-JMRI2>3.0.CO;2-S).
    """
    found = fit_maps(
        TOFTS, concentration, arterial_input, tissue, scale_error, task,
        ktrans=ktrans_bounds, ve=ve_bounds, delay=delay_s,
    )  # fmt: skip
    return ToftsMaps(**_shown(found))


@operation(version=1, title="Extended Tofts model")
def extended_tofts(
    concentration: _Concentration,
    arterial_input: _Input,
    tissue: _Tissue = None,
    scale_error: _ScaleError = None,
    *,
    delay_s: _Delay = (0.0, 0.0),
    ktrans_bounds: Annotated[tuple[float, float], _Rate] = (0.0, 5.0),
    ve_bounds: Annotated[tuple[float, float], _Share] = (0.0, 1.0),
    vp_bounds: Annotated[tuple[float, float], _Share] = (0.0, 1.0),
    task: Task | None = None,
) -> ExtendedToftsMaps:
    """Map how fast an agent leaves the vessels, with the blood that is in the tissue.

    The usual model for tumours.

    Parameters
    ----------
    concentration
        Concentration of the agent over time, in mM.
    arterial_input
        Table with the concentration in plasma, such as one made of a drawn artery.
    tissue
        Where to fit; everywhere by default.
    scale_error
        Relative error of the concentrations' scale, as it is made with them; goes
        into the standard errors.
    delay_s
        Earliest and latest arrival, later than the input; fitted when they differ.
    ktrans_bounds, ve_bounds, vp_bounds
        Lowest and highest value.
    task
        Progress.

    Returns
    -------
    ExtendedToftsMaps
        Values, standard errors and goodness of fit.

    Raises
    ------
    CannotCompute
        If times are missing or wrong, the input does not cover the series, or the
        area holds no curve.
    WrongInput
        If the image is not in mM.

    Notes
    -----
    C(t) = vp Cp(t) + Ktrans ∫ Cp(u) exp(−Ktrans (t − u) / ve) du (Tofts 1997,
    doi:10.1002/jmri.1880070113).
    """
    found = fit_maps(
        EXTENDED_TOFTS, concentration, arterial_input, tissue, scale_error, task,
        ktrans=ktrans_bounds, ve=ve_bounds, vp=vp_bounds, delay=delay_s,
    )  # fmt: skip
    return ExtendedToftsMaps(**_shown(found))


@operation(version=1, title="Patlak's model")
def patlak(
    concentration: _Concentration,
    arterial_input: _Input,
    tissue: _Tissue = None,
    scale_error: _ScaleError = None,
    *,
    delay_s: _Delay = (0.0, 0.0),
    ktrans_bounds: Annotated[tuple[float, float], _Rate] = (0.0, 5.0),
    vp_bounds: Annotated[tuple[float, float], _Share] = (0.0, 1.0),
    task: Task | None = None,
) -> PatlakMaps:
    """Map how fast an agent leaves the vessels where next to nothing comes back.

    For weak leakage, such as that of large particles or of brain.

    Parameters
    ----------
    concentration
        Concentration of the agent over time, in mM.
    arterial_input
        Table with the concentration in plasma, such as one made of a drawn artery.
    tissue
        Where to fit; everywhere by default.
    scale_error
        Relative error of the concentrations' scale, as it is made with them; goes
        into the standard errors.
    delay_s
        Earliest and latest arrival, later than the input; fitted when they differ.
    ktrans_bounds, vp_bounds
        Lowest and highest value.
    task
        Progress.

    Returns
    -------
    PatlakMaps
        Values, standard errors and goodness of fit.

    Raises
    ------
    CannotCompute
        If times are missing or wrong, the input does not cover the series, or the
        area holds no curve.
    WrongInput
        If the image is not in mM.

    Notes
    -----
    C(t) = vp Cp(t) + Ktrans ∫ Cp(u) du (Patlak et al. 1983,
    doi:10.1038/jcbfm.1983.1).
    """
    found = fit_maps(
        PATLAK, concentration, arterial_input, tissue, scale_error, task,
        ktrans=ktrans_bounds, vp=vp_bounds, delay=delay_s,
    )  # fmt: skip
    return PatlakMaps(**_shown(found))


@operation(version=1, title="Two-compartment exchange model")
def two_compartment_exchange(
    concentration: _Concentration,
    arterial_input: _Input,
    tissue: _Tissue = None,
    scale_error: _ScaleError = None,
    *,
    delay_s: _Delay = (0.0, 0.0),
    fp_bounds: Annotated[tuple[float, float], _Rate] = (0.0, 20.0),
    ps_bounds: Annotated[tuple[float, float], _Rate] = (0.0, 5.0),
    ve_bounds: Annotated[tuple[float, float], _Share] = (0.0, 1.0),
    vp_bounds: Annotated[tuple[float, float], _Share] = (0.0, 1.0),
    task: Task | None = None,
) -> ExchangeMaps:
    """Map blood flow and permeability apart from each other.

    Needs frames of a few seconds: with slower ones only Ktrans, a mixture of both,
    can be known.

    Parameters
    ----------
    concentration
        Concentration of the agent over time, in mM.
    arterial_input
        Table with the concentration in plasma, such as one made of a drawn artery.
    tissue
        Where to fit; everywhere by default.
    scale_error
        Relative error of the concentrations' scale, as it is made with them; goes
        into the standard errors.
    delay_s
        Earliest and latest arrival, later than the input; fitted when they differ.
    fp_bounds, ps_bounds, ve_bounds, vp_bounds
        Lowest and highest value.
    task
        Progress.

    Returns
    -------
    ExchangeMaps
        Values, standard errors and goodness of fit.

    Raises
    ------
    CannotCompute
        If times are missing or wrong, the input does not cover the series, or the
        area holds no curve.
    WrongInput
        If the image is not in mM.

    Notes
    -----
    vp c' = Fp (Cp − c) − PS (c − e) and ve e' = PS (c − e), with C = vp c + ve e
    (Sourbron and Buckley 2013, doi:10.1002/nbm.2940).
    """
    found = fit_maps(
        EXCHANGE, concentration, arterial_input, tissue, scale_error, task,
        fp=fp_bounds, ps=ps_bounds, ve=ve_bounds, vp=vp_bounds, delay=delay_s,
    )  # fmt: skip
    return ExchangeMaps(**_shown(found))


def _shown(found: dict[str, Image]) -> dict[str, Image]:
    return {name: image for name, image in found.items() if name != "delay_error"}
