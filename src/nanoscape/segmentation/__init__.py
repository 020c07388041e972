"""Vessels, particles, cells and tissue areas."""

OPERATIONS: dict[str, str] = {
    "perfused_vessels": "nanoscape.segmentation.perfusion:perfused_vessels",
    "spots": "nanoscape.segmentation.spots:spots",
    "vesselness": "nanoscape.segmentation.vesselness:vesselness",
    "vessels": "nanoscape.segmentation.vessels:vessels",
}
