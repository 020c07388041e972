"""A three-dimensional reference tumour whose truth is known everywhere."""

from nanoscape.phantom.tumour.fields import CarrierPlan, OxygenPlan
from nanoscape.phantom.tumour.growth import NetworkPlan
from nanoscape.phantom.tumour.mounting import Mounted, MountPlan, mount
from nanoscape.phantom.tumour.section import Section, cut, cut_series
from nanoscape.phantom.tumour.tissue import Tissue
from nanoscape.phantom.tumour.tumour import Tumour, make_tumour

__all__ = [
    "CarrierPlan",
    "MountPlan",
    "Mounted",
    "NetworkPlan",
    "OxygenPlan",
    "Section",
    "Tissue",
    "Tumour",
    "cut",
    "cut_series",
    "make_tumour",
    "mount",
]
