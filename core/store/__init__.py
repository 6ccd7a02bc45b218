"""Core's own store: schema, migrations and the rows that its parts read and write."""

from __future__ import annotations

from core.store.database import CoreSchemaError, CoreStoreUnavailable, Store, open_store
from core.store.models import (
    AccountVersion,
    Batch,
    BatchStatus,
    Claim,
    Fact,
    L1Action,
    L1Attempt,
    L1Transaction,
    L1TransactionStatus,
    Offer,
    OfferState,
    PriorityRequest,
    ProtectiveRead,
    Submission,
    Transaction,
    TransactionStatus,
)

__all__ = [
    "AccountVersion",
    "Batch",
    "BatchStatus",
    "Claim",
    "CoreSchemaError",
    "CoreStoreUnavailable",
    "Fact",
    "L1Action",
    "L1Attempt",
    "L1Transaction",
    "L1TransactionStatus",
    "Offer",
    "OfferState",
    "PriorityRequest",
    "ProtectiveRead",
    "Store",
    "Submission",
    "Transaction",
    "TransactionStatus",
    "open_store",
]
