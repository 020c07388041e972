"""Activity of radionuclides: counts, SUV, percent of the injected dose."""
