"""CUDA kernels and the backend that launches them; the same kernels run without a device by thread emulation.

Several of NVIDIA's distributions install modules below a namespace package of this package's name (``cuda.bindings``,
``cuda.core``, ``cuda.pathfinder``). Hallmark runs from its tree, so this package would hide them; extending the search
path keeps both importable.
"""

from __future__ import annotations

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
