"""Instruments, one file each: sampling, point spread, noise and artefacts."""
