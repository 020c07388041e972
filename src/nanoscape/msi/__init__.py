"""Mass spectrometry imaging: spectra, ion images, amounts."""

OPERATIONS: dict[str, str] = {
    "find_ions": "nanoscape.msi.find_ions:find_ions",
    "ion_image": "nanoscape.msi.ion_image:ion_image",
    "index_spectra": "nanoscape.msi.index_spectra:index_spectra",
    "ion_images": "nanoscape.msi.ion_image:ion_images",
    "mean_spectrum": "nanoscape.msi.spectrum:mean_spectrum",
    "normalise": "nanoscape.msi.normalisation:normalise",
    "total_ion_current": "nanoscape.msi.ion_image:total_ion_current",
}
