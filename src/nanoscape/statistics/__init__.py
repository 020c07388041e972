"""How a drug is distributed: distance, unevenness, patterns."""

OPERATIONS: dict[str, str] = {
    "autocorrelation": "nanoscape.statistics.raster.autocorrelation:autocorrelation",
    "carrier_ratio": "nanoscape.statistics.agreement.carrier_ratio:carrier_ratio",
    "compare_groups": "nanoscape.statistics.levels.compare_groups:compare_groups",
    "codistribution": "nanoscape.statistics.agreement.codistribution:codistribution",
    "distance_map": "nanoscape.statistics.distance.distance_map:distance_map",
    "distance_profile": (
        "nanoscape.statistics.distance.distance_profile:distance_profile"
    ),
    "drug_homogeneity": "nanoscape.statistics.texture.homogeneity:drug_homogeneity",
    "first_order": "nanoscape.statistics.unevenness.first_order:first_order",
    "heterogeneity": "nanoscape.statistics.unevenness.heterogeneity:heterogeneity",
    "hot_spots": "nanoscape.statistics.raster.hot_spots:hot_spots",
    "intensity_volume": (
        "nanoscape.statistics.unevenness.intensity_volume:intensity_volume"
    ),
    "join_counts": "nanoscape.statistics.raster.join_counts:join_counts",
    "local_moran": "nanoscape.statistics.raster.local_moran:local_moran",
    "lorenz_curve": "nanoscape.statistics.unevenness.lorenz_curve:lorenz_curve",
    "mark_correlation": (
        "nanoscape.statistics.points.mark_correlation:mark_correlation"
    ),
    "nearest_neighbours": (
        "nanoscape.statistics.points.nearest_neighbours:nearest_neighbours"
    ),
    "point_density": "nanoscape.statistics.points.density:point_density",
    "quadrats": "nanoscape.statistics.points.quadrats:quadrats",
    "reach": "nanoscape.statistics.distance.reach:reach",
    "ripley": "nanoscape.statistics.points.ripley:ripley",
    "texture": "nanoscape.statistics.texture.texture:texture",
    "theil_decomposition": "nanoscape.statistics.unevenness.theil:theil_decomposition",
    "vessel_relation": "nanoscape.statistics.distance.relation:vessel_relation",
    "variance_components": (
        "nanoscape.statistics.levels.variance_components:variance_components"
    ),
    "variogram": "nanoscape.statistics.raster.variogram:variogram",
}
