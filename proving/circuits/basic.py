"""What the basic circuits have in common: type, words, shapes, and the way from requests to traces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from proving.backend import native_expansion
from proving.backend.expansion import RequestExpansion
from proving.circuits import chain
from proving.circuits.requests import U32, U64, Layout, RequestType, absorb, blocks
from proving.hash import DIGEST
from proving.native import POINTER, SIZE, NativeFunction, function
from proving.stark.air import Circuit, Table
from runtime.errors import InvalidInput, VerificationError

#: log2 of 1/rate; allows constraints of degree 5.
LOG_BLOWUP = 2
MAX_DEGREE = 2**LOG_BLOWUP + 1


class RequestsRefused(InvalidInput):
    """The requests are not words of this type, or more than a proof of its circuit holds."""

    code = "requests_refused"


class UnlistedHeights(VerificationError):
    """The proof's tables have heights that no list of requests has."""

    code = "unlisted_heights"
    default_remedy = "Prove the requests again: the proof may have been made by another version."


class BasicCircuit(ABC):
    """The circuit of one type of request.

    Attributes
    ----------
    kind : the type
    name : the circuit's name, and that of its own table
    layout : the words of a request
    rows : rows of its own table that a request takes
    shapes : log heights of every table, by name, the smallest first
    capacities : requests that fit each shape
    """

    kind: RequestType
    name: str
    rows: int
    layout: Layout
    shapes: Sequence[Mapping[str, int]]

    @abstractmethod
    def tables(self) -> list[Table]:
        """The tables beside the chain."""

    @cached_property
    def _answer(self) -> NativeFunction:
        return function(f"hm_{self.name}", None, [POINTER, SIZE, POINTER])

    def answer(self, inputs: U32) -> U32:
        """The outputs of requests, ``(count, output words)``, for inputs ``(count, input words)``."""
        given = np.ascontiguousarray(inputs)
        outputs = np.empty((len(given), self.layout.output_words), dtype=np.uint32)
        self._answer(given.ctypes.data, len(given), outputs.ctypes.data)
        return outputs

    @cached_property
    def circuit(self) -> Circuit:
        """The circuit; its public input is the chain's digest before and behind the requests."""
        return Circuit(self.name, [*self.tables(), chain.Chain()], publics=2 * DIGEST, max_degree=MAX_DEGREE)

    @property
    def capacities(self) -> list[int]:
        """Requests that fit each shape."""
        per_request = chain.ROWS * self.layout.blocks
        return [min(2 ** shape[self.name] // self.rows, 2 ** shape["chain"] // per_request) for shape in self.shapes]

    def shape(self, count: int) -> Mapping[str, int]:
        """The smallest shape that holds ``count`` requests.

        Raises
        ------
        RequestsRefused
            None does.
        """
        for shape, capacity in zip(self.shapes, self.capacities, strict=True):
            if count <= capacity:
                return shape
        raise RequestsRefused(
            f"{count} requests of {self.name} are more than the {self.capacities[-1]} that a proof holds.",
            remedy="Prove them in several proofs, one behind the other on the chain.",
        )

    def number(self, log_heights: Sequence[int]) -> int:
        """The number of the shape with these log2 heights, in the circuit's order.

        Raises
        ------
        UnlistedHeights
            None has.
        """
        listed = [tuple(shape[table.name] for table in self.circuit) for shape in self.shapes]
        if tuple(log_heights) not in listed:
            raise UnlistedHeights(f"No shape of {self.name} has the log heights {tuple(log_heights)}.")
        return listed.index(tuple(log_heights))

    def prepare(self, start: U64, inputs: U32) -> tuple[RequestExpansion, U64]:
        """What a backend expands to the traces of requests, and their public input.

        Parameters
        ----------
        start : ``(4,)`` the chain's digest before them
        inputs : ``(count, input words)`` uint32

        Returns
        -------
        RequestExpansion
            The requests and their chain.
        (8,) uint64
            The chain's digests at start and end.

        Raises
        ------
        RequestsRefused
            The inputs have another form, or are too many.
        """
        if inputs.ndim != 2 or inputs.dtype != np.uint32 or inputs.shape[1] != self.layout.input_words:
            raise RequestsRefused(
                f"The inputs of {self.name} are {inputs.dtype} {inputs.shape}, "
                f"expected uint32 (count, {self.layout.input_words})."
            )
        shape = self.shape(len(inputs))
        given = np.ascontiguousarray(inputs)
        sizes = {table.name: (len(table.main_names), 1 << shape[table.name]) for table in self.circuit}
        absorbed = blocks(given, self.answer(given))
        digests = absorb(start, absorbed)
        expansion = RequestExpansion(sizes, self.name, self.layout.blocks, given, absorbed, digests)
        return expansion, np.concatenate([digests[0], digests[-1]])

    def expand(self, start: U64, inputs: U32) -> tuple[dict[str, U64], U64]:
        """Traces by table, ``(main columns, height)``, and public input of requests; otherwise as `prepare`."""
        expansion, publics = self.prepare(start, inputs)
        return native_expansion.expand(expansion), publics
