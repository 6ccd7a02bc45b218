"""What can be wrong with a state tree on disk."""

from __future__ import annotations

from core.errors import CoreError
from runtime.errors import ConfigurationError, Unavailable


class StateTreeDamaged(CoreError, ConfigurationError):
    """The state tree's file does not hold what it should."""

    code = "state_tree_damaged"
    default_remedy = "Stop core and run `hallmark tree rebuild`, which makes the tree again from core's database."
    status = 500


class VersionUnknown(CoreError):
    """The state tree does not hold this version (any more)."""

    code = "version_unknown"
    default_remedy = "Ask for a later batch; HALLMARK_CORE_TREE_VERSIONS says how many core keeps."
    status = 404


class TreeUnusable(CoreError, Unavailable):
    """The state tree's file cannot be opened."""

    code = "state_tree_unusable"
    default_remedy = "Check that the folder below HALLMARK_STATE_DIR is on a local disk and writable."
    status = 503
