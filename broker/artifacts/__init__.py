"""The artifact store: write-once bytes by name."""

from __future__ import annotations

from broker.artifacts.names import artifact_name, batch_prefix, maker_of
from broker.artifacts.place import local_folder
from broker.artifacts.store import ArtifactStore, open_artifacts

__all__ = ["ArtifactStore", "artifact_name", "batch_prefix", "local_folder", "maker_of", "open_artifacts"]
