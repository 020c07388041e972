"""A whole study of tumours in space, by all instruments, with its truth."""

from nanoscape.phantom.reference.plan import ReferencePlan
from nanoscape.phantom.reference.study import make_reference

__all__ = ["ReferencePlan", "make_reference"]
