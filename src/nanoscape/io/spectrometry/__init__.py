"""Mass spectrometry and elemental imaging."""
