"""A three-dimensional reference tumour whose truth is known everywhere."""

from nanoscape.phantom.tumour.fields import CarrierPlan, OxygenPlan
from nanoscape.phantom.tumour.growth import NetworkPlan
from nanoscape.phantom.tumour.tumour import Tumour, make_tumour

__all__ = ["CarrierPlan", "NetworkPlan", "OxygenPlan", "Tumour", "make_tumour"]
