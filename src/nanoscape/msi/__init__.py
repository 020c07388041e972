"""Mass spectrometry imaging: spectra, ion images, amounts."""

OPERATIONS: dict[str, str] = {
    "discriminating_ions": "nanoscape.msi.discriminating_ions:discriminating_ions",
    "find_ions": "nanoscape.msi.find_ions:find_ions",
    "ion_image": "nanoscape.msi.ion_image:ion_image",
    "index_spectra": "nanoscape.msi.index_spectra:index_spectra",
    "ion_images": "nanoscape.msi.ion_image:ion_images",
    "mean_spectrum": "nanoscape.msi.spectrum:mean_spectrum",
    "normalise": "nanoscape.msi.normalisation:normalise",
    "region_ions": "nanoscape.msi.region_ions:region_ions",
    "similar_ions": "nanoscape.msi.similar_ions:similar_ions",
    "total_ion_current": "nanoscape.msi.ion_image:total_ion_current",
}
