"""How settings are read: the environment (``HALLMARK_*``) first, then one ``.env`` file, once per process.

Every group of settings (:mod:`runtime.settings`, ``core.settings``, ``gateway.settings``) derives from
:class:`EnvironmentSettings`. Whoever starts other processes hands on what was read (:func:`handed_on`), so that none
of them reads another ``.env`` in another folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from runtime.errors import ConfigurationError
from runtime.sizes import parse_size
from runtime.urls import mask_url

PREFIX = "HALLMARK_"
#: Names the file that is read beside the environment; by default ``.env`` in the working folder.
FILE_VARIABLE = f"{PREFIX}ENV_FILE"
#: Value of :data:`FILE_VARIABLE` for a process that was handed everything: no file is read.
NO_FILE = os.devnull


def _absolute(value: object) -> object:
    """Make a path absolute where it is read; a process that it is handed to runs in another folder."""
    return Path(value).expanduser().absolute() if isinstance(value, (str, Path)) else value


#: Bytes; written as a number with K, M, G or T.
Size = Annotated[int, BeforeValidator(parse_size), Field(ge=0, lt=1 << 63)]
Port = Annotated[int, Field(ge=0, le=65535)]
#: An absolute path, whatever was written.
AbsolutePath = Annotated[Path, BeforeValidator(_absolute)]

Source = Literal["environment", ".env", "default"]


@dataclass(frozen=True)
class Shown:
    """One setting as ``config check`` prints it."""

    variable: str
    value: str
    source: Source


class EnvironmentSettings(BaseSettings):
    """A group of settings; each field ``name`` is read from ``HALLMARK_NAME``, its docstring says what it is."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read the group.

        Parameters
        ----------
        **overrides
            Values that win over the environment, by field name.

        Raises
        ------
        ConfigurationError
            With every fault of every variable in one message, no value repeated.
        """
        try:
            return cls(_env_file=env_file(), **overrides)  # type: ignore[call-arg]
        except ValidationError as error:
            faults = [
                f"{PREFIX}{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg'].removeprefix('Value error, ')}"
                if fault["loc"]
                else fault["msg"].removeprefix("Value error, ")
                for fault in error.errors(include_url=False, include_input=False)
            ]
            raise ConfigurationError("; ".join(faults), faults=faults) from None
        except (OSError, UnicodeError) as error:
            raise _unreadable(error) from None

    @classmethod
    def of(cls, **values: object) -> Self:
        """Return the group with these values, and defaults for the rest: nothing else is read.

        Raises
        ------
        ConfigurationError
            As :meth:`load`.
        """
        defaults = {name: field.get_default(call_default_factory=True) for name, field in cls.model_fields.items()}
        return cls.load(**defaults | values)

    @classmethod
    def sources(cls) -> dict[str, Source]:
        """Return where the value of each field comes from."""
        try:
            in_file = DotEnvSettingsSource(cls, env_file=env_file())()
        except (OSError, UnicodeError) as error:
            raise _unreadable(error) from None
        found: dict[str, Source] = dict.fromkeys(cls.model_fields, "default")
        found |= dict.fromkeys(in_file.keys() & found.keys(), ".env")
        return found | dict.fromkeys(EnvSettingsSource(cls)().keys() & found.keys(), "environment")


def env_file() -> Path:
    """Return the file that is read beside the environment; it need not exist."""
    return Path(os.environ.get(FILE_VARIABLE) or ".env").expanduser().absolute()


def show(settings: EnvironmentSettings) -> list[Shown]:
    """Return every setting with its value (secrets masked) and where the value came from."""
    sources = type(settings).sources()
    return [
        Shown(PREFIX + name.upper(), _masked(getattr(settings, name)), sources[name])
        for name in sorted(type(settings).model_fields)
    ]


def handed_on(groups: Iterable[EnvironmentSettings], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child that is to see exactly these settings, and to read no file.

    Parameters
    ----------
    environment
        What the child gets beside the settings.
    """
    values = {PREFIX + name.upper(): _text(getattr(group, name)) for group in groups for name in _fields(group)}
    kept = {name: value for name, value in environment.items() if name.upper() not in values}
    return kept | values | {FILE_VARIABLE: NO_FILE}


def unknown_variables(groups: Iterable[type[EnvironmentSettings]], others: Iterable[str]) -> list[str]:
    """Return the ``HALLMARK_*`` variables of the environment that nothing reads: misspelt ones, mostly."""
    known = {PREFIX + name.upper() for group in groups for name in group.model_fields} | set(others)
    return sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)


def _fields(group: EnvironmentSettings) -> list[str]:
    return list(type(group).model_fields)


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value is None else str(value)


def _masked(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    text = _text(value)
    return mask_url(text) if "://" in text else text


def _unreadable(error: OSError | UnicodeError) -> ConfigurationError:
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
    return ConfigurationError(
        f"The settings file {env_file()} cannot be read: {reason}.",
        remedy=f"Mend the file, or name another one with {FILE_VARIABLE}.",
    )
