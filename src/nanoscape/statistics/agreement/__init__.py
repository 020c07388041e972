"""Whether two images agree."""
