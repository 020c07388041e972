"""Operations by name, recipes, runs, scripts and records."""
