"""Settings of dynamic contrast ultrasound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nanoscape.phantom.animal import Voxels

FloatArray = NDArray[np.float64]
Mode = Literal["bmode", "contrast"]
MODES: tuple[Mode, ...] = ("bmode", "contrast")


@dataclass(frozen=True)
class Ultrasound:
    """The instrument, the agent and how the animal breathes. All values are chosen.

    Attributes
    ----------
    shape, pixel_mm
        Rows and columns of a frame, and distance of pixel centres.
    frames, frame_s
        Number of frames, and time from one to the next.
    megahertz
        Frequency of the transducer.
    axial_mm, lateral_mm
        Full widths at half maximum of the point spread of the amplitude, across at
        the focus.
    focus_mm, focal_range_mm
        Depth of the focus z_f, and how far from it, R, the point spread is √2 times
        as wide: w √(1 + ((z − z_f) / R)²).
    attenuation_db_mm
        One way, in tissue.
    gain_db_mm
        By which the receiver makes up for it, for the way there and back each, below
        the gel.
    shadow_db
        Lost below a calcification.
    noise
        Mean intensity of the receiver's noise above the skin, by mode: tissue, then
        contrast.
    tissue_left
        Intensity of tissue in contrast mode over that in B-mode.
    bubbles, bubbles_bmode
        Mean intensity of bubbles for a blood volume of 1 and a bolus function of 1,
        in contrast mode and in B-mode.
    white, range_db
        Intensity that is shown as 255, and how far 0 lies below it, by mode.
    injected_s
        After the first frame.
    bolus_s, bolus_spread
        Area under the bolus function in seconds, and spread of its logarithm.
    recirculation, mixing_s, loss_s
        Height of the late plateau, its rise and its decay.
    breath_s, breath_mm
        Time from one breath to the next, and way of tissue, down and across.
    drift_mm
        Way of the tissue during the scan, down and across.
    gated
        Whether frames wait for the end of a breath.
    """

    shape: tuple[int, int] = (320, 320)
    pixel_mm: float = 0.04
    frames: int = 96
    frame_s: float = 1.0
    megahertz: float = 18.0
    axial_mm: float = 0.13
    lateral_mm: float = 0.26
    focus_mm: float = 5.0
    focal_range_mm: float = 4.0
    attenuation_db_mm: float = 1.0
    gain_db_mm: float = 0.8
    shadow_db: float = 16.0
    noise: tuple[float, float] = (3e-6, 1e-5)
    tissue_left: float = 4e-3
    bubbles: float = 0.5
    bubbles_bmode: float = 0.03
    white: tuple[float, float] = (8.0, 3.0)
    range_db: tuple[float, float] = (55.0, 45.0)
    injected_s: float = 10.0
    bolus_s: float = 12.0
    bolus_spread: float = 0.55
    recirculation: float = 0.12
    mixing_s: float = 15.0
    loss_s: float = 180.0
    breath_s: float = 1.37
    breath_mm: tuple[float, float] = (0.45, 0.12)
    drift_mm: tuple[float, float] = (0.10, -0.06)
    gated: bool = False

    @property
    def step_s(self) -> float:
        """Time from one frame to the next; whole breaths with gating."""
        breaths = np.ceil(self.frame_s / self.breath_s)
        return float(breaths * self.breath_s) if self.gated else self.frame_s

    @property
    def time_s(self) -> FloatArray:
        """Time of each frame."""
        return (np.arange(self.frames) * self.step_s).astype(np.float64)

    @property
    def depth_mm(self) -> FloatArray:
        """Depth of each row below the face of the transducer."""
        steps = np.arange(self.shape[0], dtype=np.float64)
        return (steps + 0.5) * self.pixel_mm

    @property
    def across_mm(self) -> FloatArray:
        """Place of each column along the transducer, 0 in its middle."""
        steps = np.arange(self.shape[1], dtype=np.float64)
        return (steps - steps[-1] / 2) * self.pixel_mm

    @property
    def voxels(self) -> Voxels:
        """Pixels of a frame as voxels; as thick as the beam is wide."""
        return Voxels((1, *self.shape), (self.lateral_mm, self.pixel_mm, self.pixel_mm))

    def lateral_at(self, depth_mm: FloatArray) -> FloatArray:
        """Return the width of the point spread across, FWHM in mm."""
        off = (depth_mm - self.focus_mm) / self.focal_range_mm
        found: FloatArray = self.lateral_mm * np.sqrt(1 + off**2)
        return found
