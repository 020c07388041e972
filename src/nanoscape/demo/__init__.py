"""The sample study from raw files to a report, beside its truth."""
