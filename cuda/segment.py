"""Expansion of a segment of `main_vm`: records, compressions and the boundary cross the bus, no other trace."""

from __future__ import annotations

from cuda.arrays import DeviceArray, Memory
from cuda.device import WORD
from cuda.filling import COMPRESSION_ROWS, launch, zeroed
from proving.backend.expansion import COUNTING, SegmentExpansion, refuse

#: Words of a decoded instruction (`Decoded` in the native library's expand/row.hpp).
DECODED = 6
#: Families whose threads fill many rows each; their blocks are half as large.
CALLS = ("poseidon2_call", "request", "keccak_call")


def expand_segment(memory: Memory, expansion: SegmentExpansion) -> dict[str, DeviceArray]:
    """Return the traces by table.

    Raises
    ------
    ExpansionRefused
        An instruction was not decoded, or is none.
    """
    device = memory.device
    traces = {table: zeroed(memory, *shape) for table, shape in expansion.shapes.items() if table != "boundary"}
    inputs, counts = memory.upload(expansion.inputs), memory.upload_halves(expansion.counts)
    calls, pages = memory.upload_halves(expansion.calls), memory.upload_halves(expansion.pages)
    decoded = memory.empty(1, DECODED * max(1, len(expansion.decode)))
    refused = zeroed(memory, 1, 2)
    counted = [traces[table].pointer for table in COUNTING]
    hashed = traces["poseidon2"]
    compressed = [inputs.pointer, hashed.pointer, hashed.shape[1], calls.pointer, pages.pointer]
    shared = [decoded.pointer, len(expansion.decode), *counted, refused.pointer, *compressed]
    segment = memory.upload_small(shared)
    height = hashed.shape[1]
    compressions = [inputs.pointer, counts.pointer, len(expansion.inputs), hashed.pointer, height]
    launch(device, "expand_poseidon2", height // COMPRESSION_ROWS, 64, compressions)
    decode, instructions = traces["decode"], len(expansion.decode)
    rows, constants = memory.upload_halves(expansion.decode), memory.upload(expansion.constants)
    into = [segment.pointer, decode.pointer, decode.shape[1]]
    launch(device, "expand_decode", instructions, 128, [rows.pointer, instructions, constants.pointer, *into])
    for family in expansion.families:
        count, table = len(family.records), traces[family.table]
        records, block = memory.upload_halves(family.records), 64 if family.name in CALLS else 128
        into = [segment.pointer, table.pointer + WORD * family.first, table.shape[1]]
        launch(device, f"expand_{family.name}", count, block, [records.pointer, count, *into])
    idle, count = traces["idle"], len(expansion.idle)
    words = memory.upload_halves(expansion.idle)
    into = [segment.pointer, idle.pointer, idle.shape[1]]
    launch(device, "expand_idle", count, 128, [words.pointer, count, *into])
    page, touched, above = traces["page"], len(expansion.blocks), len(expansion.nodes)
    words, keys = memory.upload_halves(expansion.blocks), memory.upload_halves(expansion.nodes)
    into = [segment.pointer, page.pointer, page.shape[1]]
    launch(device, "expand_page", touched + above, 128, [words.pointer, touched, keys.pointer, above, *into])
    traces["boundary"] = memory.upload(expansion.boundary)
    no_instructions, not_decoded = memory.download(refused, small=True)[0]
    refuse(1 if no_instructions else 2 if not_decoded else 0)
    return traces
