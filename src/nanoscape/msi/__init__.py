"""Mass spectrometry imaging: spectra, ion images, amounts."""

OPERATIONS: dict[str, str] = {}
