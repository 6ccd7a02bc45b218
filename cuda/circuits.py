"""Expansion of requests, and of what a circuit that verifies proofs computed.

Of requests their inputs and the chain cross the bus; of recursion what each compression starts from, and the tables
that show wires.
"""

from __future__ import annotations

from cuda.arrays import DeviceArray, Memory
from cuda.filling import COMPRESSION_ROWS, launch, zeroed
from proving.backend.expansion import RecursionExpansion, RequestExpansion

#: Circuits with a row for each request; the others have a thread for each row, requests of zeros among them.
ROW_EACH = ("arith256",)
#: Threads of a block.
BLOCK = 64


def expand_requests(memory: Memory, expansion: RequestExpansion) -> dict[str, DeviceArray]:
    """Return the traces by table."""
    traces = {name: zeroed(memory, *shape) for name, shape in expansion.shapes.items()}
    table, chain, name = traces[expansion.circuit], traces["chain"], expansion.circuit
    inputs, count, height = memory.upload_halves(expansion.inputs), len(expansion.inputs), table.shape[1]
    arguments = [inputs.pointer, count, expansion.blocks, table.pointer, height]
    if "range" in traces:
        arguments.append(traces["range"].pointer)
    launch(memory.device, f"expand_{name}", count if name in ROW_EACH else height, BLOCK, arguments)
    absorbed, digests = memory.upload(expansion.absorbed), memory.upload(expansion.digests)
    arguments = [absorbed.pointer, len(expansion.absorbed), digests.pointer, chain.pointer, chain.shape[1]]
    launch(memory.device, "expand_chain", chain.shape[1] // COMPRESSION_ROWS, BLOCK, arguments)
    return traces


def expand_recursion(memory: Memory, expansion: RecursionExpansion) -> dict[str, DeviceArray]:
    """Return the traces by table."""
    hashed, inputs = memory.empty(*expansion.shapes["hash"]), memory.upload(expansion.hashed)
    height = hashed.shape[1]
    launch(memory.device, "expand_recursion_hash", height, BLOCK, [inputs.pointer, hashed.pointer, height])
    return {"hash": hashed, **{name: memory.upload(columns) for name, columns in expansion.tables.items()}}
