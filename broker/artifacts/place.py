"""Where artifacts lie: a URL and its settings become obstore's store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from obstore.exceptions import BaseError
from obstore.store import HTTPStore, LocalStore, MemoryStore, S3Store, from_url
from pydantic import SecretStr

from runtime.errors import ConfigurationError
from runtime.os_errors import resource_error
from runtime.private import private_folder
from runtime.settings import Settings
from runtime.urls import file_path, mask_url, scheme_of

#: Seconds without a byte after which a request is given up and tried again.
SILENT_SECONDS = 30
#: Seconds that one request may take as a whole: 8 GiB at 10 MB/s.
REQUEST_SECONDS = 900
#: Most tries of one request; before that the time for retries is over.
MOST_RETRIES = 1000


@dataclass(frozen=True)
class Access:
    """How an object store is reached; what is empty is read from ``AWS_*`` variables or the machine's role.

    Parameters
    ----------
    retry_seconds
        A request that the server answers with 5xx, or not, is tried again for this long, with growing, random pauses.
    """

    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: SecretStr = field(default_factory=lambda: SecretStr(""))
    retry_seconds: float = 60.0

    @classmethod
    def of(cls, settings: Settings) -> Access:
        """Return the access that the settings describe."""
        return cls(
            settings.store_endpoint,
            settings.store_region,
            settings.store_access_key,
            settings.store_secret_key,
            settings.store_retry_seconds,
        )

    def options(self) -> dict[str, Any]:
        """Return obstore's options of a store on the network."""
        pauses = {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2}
        return {
            "client_options": {
                "allow_http": True,
                "connect_timeout": timedelta(seconds=5),
                "read_timeout": timedelta(seconds=SILENT_SECONDS),
                "timeout": timedelta(seconds=REQUEST_SECONDS),
            },
            "retry_config": {
                "max_retries": MOST_RETRIES,
                "retry_timeout": timedelta(seconds=self.retry_seconds),
                "backoff": pauses,
            },
        }

    def s3(self) -> dict[str, Any]:
        """Return obstore's options of an S3 store; every upload carries its checksum."""
        wanted = {
            "endpoint": self.endpoint,
            "region": self.region,
            "access_key_id": self.access_key,
            "secret_access_key": self.secret_key.get_secret_value(),
        }
        return {"checksum_algorithm": "sha256", **{name: value for name, value in wanted.items() if value}}


def local_folder(url: str) -> Path | None:
    """Return the folder of a ``file:`` store, and ``None`` for any other."""
    return file_path(url) if scheme_of(url) == "file" else None


def open_place(url: str, access: Access) -> Any:
    """Return obstore's store for a URL; a local folder is made for its owner alone.

    Raises
    ------
    ConfigurationError
    """
    scheme = scheme_of(url)
    try:
        folder = local_folder(url)
        if folder is not None:
            private_folder(folder)
            return LocalStore(str(folder))
        if scheme == "memory":
            return MemoryStore()
        if scheme in ("http", "https"):
            return HTTPStore.from_url(url, **access.options())
        if scheme == "s3":
            return S3Store.from_url(url, **access.options(), **access.s3())
        return from_url(url, **access.options())
    except OSError as error:
        raise resource_error(error) or ConfigurationError(
            f"The artifact store {mask_url(url)} cannot be opened: {error.strerror}."
        ) from None
    except (BaseError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigurationError(
            f"The artifact store {mask_url(url)} cannot be opened: {first.replace(url, mask_url(url))}"
        ) from None
