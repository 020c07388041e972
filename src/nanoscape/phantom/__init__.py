"""Studies with known truth."""

from nanoscape.phantom.fluorescence import make_slide
from nanoscape.phantom.study import make_study

__all__ = ["make_slide", "make_study"]
