"""Inner loops as machine code: the one place that says how they are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """``function`` as machine code that runs beside other threads; kept on disk where some folder can be written."""
    try:
        fast = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        # Neither the package nor the user's cache folder can be written: compile once a process.
        fast = numba.njit(nogil=True)(function)
    return cast(Function, fast)
