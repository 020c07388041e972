"""Volumes of MR, CT, PET and SPECT outside of DICOM."""
