"""A batch's trace goes on to L1: what becomes of a transaction is told in the trace of each batch that it is about."""

from __future__ import annotations

from typing import Any

from core.store import Batch, L1Transaction
from runtime.telemetry import mark, trace_id_of


def told(row: L1Transaction) -> str:
    """Note the state of a transaction in the traces of its batches; return the trace of the last one, for the log."""
    wanted = Batch.select(Batch.number, Batch.traceparent).where(Batch.number.between(row.first_batch, row.last_batch))
    traces = {batch.number: batch.traceparent for batch in wanted if batch.traceparent}
    attributes: dict[str, Any] = {
        "hallmark.l1.status": str(row.status),
        "hallmark.l1.nonce": row.nonce,
        "hallmark.l1.chain_id": row.l1_chain_id,
        "hallmark.l1.transaction": "0x" + row.hash.hex() if row.hash else "",
        "hallmark.l1.gas_used": row.gas_used or 0,
    }
    for number, traceparent in traces.items():
        mark(f"l1 {row.action}", traceparent=traceparent, **attributes | {"hallmark.batch": number})
    return trace_id_of(traces.get(row.last_batch, ""))
