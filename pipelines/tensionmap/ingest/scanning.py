"""What reading scans needs: optional packages, how fine a page is laid flat, and the types of its pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensionmap.errors import RawDataError
from tensionmap.marks import Box

REQUIREMENTS = ("opencv-python-headless>=4.10", "pypdfium2>=4.30", "scikit-image>=0.25")
PX_PER_MM = 8
"""How fine a page is laid flat."""

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


def require_installed() -> None:
    """Pass if scans can be read here.

    Raises
    ------
    RawDataError
        If an optional package is not installed; the message holds the command that installs them.
    """
    opencv(), pdfium2(), skeletonize(np.zeros((1, 1), bool))


def pixels_of(box: Box, rows: int) -> tuple[slice, slice]:
    """The rows and columns of a page of ``rows`` that a box in millimetres covers."""
    west, south, east, north = (round(mm * PX_PER_MM) for mm in box)
    return slice(rows - north, rows - south), slice(west, east)


def opencv() -> Any:
    """OpenCV, or how to install it."""
    try:
        import cv2
    except ImportError as error:
        raise _not_installed() from error
    return cv2


def pdfium2() -> Any:
    """PDFium, or how to install it."""
    try:
        import pypdfium2
    except ImportError as error:
        raise _not_installed() from error
    return pypdfium2


def skeletonize(blob: Truths) -> Truths:
    """The middle of ``blob``, one pixel wide."""
    try:
        from skimage.morphology import skeletonize as thinned
    except ImportError as error:
        raise _not_installed() from error
    bones: Any = thinned
    return np.asarray(bones(blob), np.bool_)


def _not_installed() -> RawDataError:
    needed = " ".join(f'"{requirement}"' for requirement in REQUIREMENTS)
    return RawDataError(
        "Reading scans needs packages that are not installed (the extra 'digitise'). "
        f"Install them with: python -m pip install {needed}"
    )
