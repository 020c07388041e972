from __future__ import annotations

import pytest

from nanoscape.phantom.tumour import NetworkPlan, Tumour, make_tumour

SMALL = {
    "size_um": (240.0, 1000.0, 1000.0),
    "vessels": NetworkPlan(core_ratio=0.4, length_density=160),
}


@pytest.fixture(scope="session")
def tumour() -> Tumour:
    """A small tumour on the default grid."""
    return make_tumour(3, **SMALL)  # type: ignore[arg-type]
