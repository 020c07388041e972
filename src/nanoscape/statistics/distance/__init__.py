"""Distance to vessels: map, profile, laws."""
