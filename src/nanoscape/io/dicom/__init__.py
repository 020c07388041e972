"""DICOM: series, multi-frame objects, segmentations, structure sets."""
