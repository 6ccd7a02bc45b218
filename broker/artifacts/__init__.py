"""The artifact store: write-once bytes by name."""

from __future__ import annotations

from broker.artifacts.names import LOCAL, artifact_name, batch_prefix, is_shared, maker_of, on_host
from broker.artifacts.place import local_folder
from broker.artifacts.store import ArtifactStore, open_artifacts

__all__ = [
    "LOCAL",
    "ArtifactStore",
    "artifact_name",
    "batch_prefix",
    "is_shared",
    "local_folder",
    "maker_of",
    "on_host",
    "open_artifacts",
]
