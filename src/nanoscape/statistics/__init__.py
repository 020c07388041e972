"""How a drug is distributed: distance, unevenness, patterns."""

OPERATIONS: dict[str, str] = {
    "autocorrelation": "nanoscape.statistics.autocorrelation:autocorrelation",
    "codistribution": "nanoscape.statistics.codistribution:codistribution",
    "distance_map": "nanoscape.statistics.distance_map:distance_map",
    "distance_profile": "nanoscape.statistics.distance_profile:distance_profile",
    "heterogeneity": "nanoscape.statistics.heterogeneity:heterogeneity",
    "hot_spots": "nanoscape.statistics.hot_spots:hot_spots",
    "local_moran": "nanoscape.statistics.local_moran:local_moran",
    "lorenz_curve": "nanoscape.statistics.lorenz_curve:lorenz_curve",
    "theil_decomposition": "nanoscape.statistics.theil:theil_decomposition",
}
