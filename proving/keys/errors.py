"""What can be wrong with a key."""

from __future__ import annotations

from runtime.errors import ConfigurationError, InvalidInput


class KeyMismatch(ConfigurationError):
    """A key made from this code is not the one that the repository pins."""

    code = "key_mismatch"
    default_remedy = (
        "Run one release everywhere; `hallmark doctor` prints the digests. After a deliberate change of a circuit: "
        "`python -m proving.keys --write`."
    )


class StoredKeyRefused(ConfigurationError):
    """A file of the keystore does not hold the key that it is named after."""

    code = "stored_key"
    default_remedy = "Remove the file; the key is made again on its next use."


class KeySetFull(ConfigurationError):
    """There are more keys than a key set has entries, and their number is part of every circuit that reads one."""

    code = "key_set_full"
    default_remedy = (
        "List fewer shapes of a circuit, or enlarge `KEY_SLOTS` of proving/keys/family.py and make all keys anew."
    )


class NotCompressed(InvalidInput):
    """A profile's proofs have no compression layers: its target is above what a digest over BN254 gives."""

    code = "not_compressed"
    default_remedy = "Prove batches that go to L1 under proven100."
