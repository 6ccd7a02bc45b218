"""The artifact store: write-once bytes by name."""

from __future__ import annotations

from broker.artifacts.store import ArtifactStore, artifact_name, batch_prefix, local_folder, open_artifacts

__all__ = ["ArtifactStore", "artifact_name", "batch_prefix", "local_folder", "open_artifacts"]
