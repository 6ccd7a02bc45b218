"""Which keys each protocol version of a chain has: told by the operator, held against whoever starts to work on it."""

from __future__ import annotations

from dataclasses import dataclass

from broker.jobs import sql
from broker.jobs.base import StoreBase
from broker.jobs.database import Session
from runtime.errors import ConfigurationError, InvalidInput


class VersionUnknown(ConfigurationError):
    """The chain's protocol versions are listed, and this one is not among them."""

    code = "version_unknown"


class VersionOfOtherKeys(ConfigurationError):
    """The protocol version is known with other keys than those that are held here."""

    code = "version_of_other_keys"


class VersionInUse(InvalidInput):
    """Open batches of the version are for other keys."""

    code = "version_in_use"
    default_remedy = "Finish or cancel them first, or give the new keys a protocol version of their own."


@dataclass(frozen=True)
class KnownVersion:
    """A protocol version and its keys, ``profile:digest``."""

    chain_id: int
    protocol_version: str
    key_identity: str
    inserted_at: float


class VersionSide(StoreBase):
    """The table of protocol versions of the store's chain; while it is empty, every version is taken."""

    def known_versions(self) -> list[KnownVersion]:
        """Return the versions that were inserted."""
        return [KnownVersion(**row) for row in self.database.read(sql.KNOWN_VERSIONS, chain_id=self.chain_id)]

    def insert_version(self, protocol_version: str, key_identity: str) -> bool:
        """Say which keys a version has; return whether that changed something.

        Raises
        ------
        VersionInUse
        """
        values = {"chain_id": self.chain_id, "protocol_version": protocol_version, "key_identity": key_identity}

        def work(session: Session) -> bool:
            listed = {row["protocol_version"]: row["key_identity"] for row in self._listed(session)}
            if listed.get(protocol_version) == key_identity:
                return False
            if found := session.rows(sql.OPEN_OF_OTHER_KEYS, **values):
                numbers = ", ".join(str(row["number"]) for row in found[:10])
                raise VersionInUse(f"Open batches of version {protocol_version} are for other keys: {numbers}.")
            session.run(sql.INSERT_VERSION, **values)
            return True

        return self.database.transact(work)

    def check_version(self, protocol_version: str, key_identity: str) -> None:
        """Refuse whoever would work on a version that is not listed, or that has other keys.

        Raises
        ------
        VersionUnknown, VersionOfOtherKeys
        """
        listed = {each.protocol_version: each.key_identity for each in self.known_versions()}
        if not listed:
            return
        remedy = f"`hallmark version list` shows what chain {self.chain_id} has; `hallmark version insert` adds to it."
        if protocol_version not in listed:
            raise VersionUnknown(
                f"Protocol version {protocol_version} is none of chain {self.chain_id}'s: {', '.join(listed)}.",
                remedy=remedy,
            )
        wanted = listed[protocol_version]
        if key_identity and wanted != key_identity:
            raise VersionOfOtherKeys(
                f"Protocol version {protocol_version} of chain {self.chain_id} has the keys {wanted}, "
                f"and {key_identity} are held here.",
                remedy=remedy,
            )

    def _listed(self, session: Session) -> list[dict[str, str]]:
        return [dict(row) for row in session.rows(sql.KNOWN_VERSIONS, chain_id=self.chain_id)]
