"""URLs of backing services: parsed here and nowhere else, percent-decoded once, shown without what is secret.

A password may hold any character. For PostgreSQL the server's own library parses, so every form that ``psql`` takes is
taken. For AMQP the user and password end at the last ``@`` before the first ``/``. Neither a refusal nor anything that
is shown repeats a part of a URL that could be a password.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_SECRET_WORD = re.compile(r"pass|secret|token|key|sig|credential", re.IGNORECASE)
#: Parameters of a PostgreSQL URL that are secret.
_POSTGRESQL_SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret"})

_AMQP_PORTS = {"amqp": 5672, "amqps": 5671}


@dataclass(frozen=True)
class AmqpUrl:
    """The parts of an ``amqp(s)://`` URL, decoded; ``options`` is the query as it stands."""

    scheme: str
    user: str
    password: str
    host: str
    port: int
    vhost: str
    options: str

    def encoded(self) -> str:
        """Return the URL with every part percent-encoded, as a client that splits it anew needs it."""
        user, password, vhost = (quote(part, safe="") for part in (self.user, self.password, self.vhost))
        login = f"{user}:{password}@" if self.user or self.password else ""
        options = f"?{self.options}" if self.options else ""
        return f"{self.scheme}://{login}{_bracketed(self.host)}:{self.port}/{vhost}{options}"


def scheme_of(url: str) -> str:
    """Return the scheme of a URL in lower case, empty when it has none."""
    found = _SCHEME.fullmatch(url)
    return found[1].lower() if found else ""


def check_url(url: str, allowed: tuple[str, ...]) -> str:
    """Return ``url`` as it is used from here on: paths made absolute, the rest untouched.

    Raises
    ------
    ValueError
        Another scheme, or a URL that its service cannot read; the text says which and repeats no secret.
    """
    scheme = scheme_of(url)
    if scheme not in allowed:
        raise ValueError(f"expected a URL such as {' or '.join(f'{name}://...' for name in allowed)}")
    if any(ord(character) < 32 for character in url):
        raise ValueError("the URL holds a line break or another control character")
    return _CHECKS.get(scheme, _as_it_is)(scheme + url[len(scheme) :])


def mask_url(url: str) -> str:
    """Return what may be shown of ``url``: never a password, whatever the URL looks like."""
    scheme = scheme_of(url)
    if scheme in ("sqlite", "file"):
        return url
    try:
        return _MASKS.get(scheme, _masked_other)(url)
    except ValueError:
        return f"{scheme or 'URL'}://***"


def without_secrets(text: str, url: str) -> str:
    """Return a driver's message without the password of the URL that it concerns."""
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def sqlite_path(url: str) -> Path:
    """Return the file of ``sqlite:///PATH``; the path stands as it is, every character is part of a name."""
    rest = url.partition(":")[2]
    if not rest.startswith("///") or len(rest) == 3:
        raise ValueError("write it as sqlite:///PATH, with four slashes for an absolute path")
    return Path(rest[3:]).expanduser().absolute()


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite file."""
    return f"sqlite:///{path.absolute()}"


def file_path(url: str) -> Path:
    """Return the folder of ``file:///PATH``, percent-decoded; ``#`` and ``?`` are part of the name."""
    rest = url.partition(":")[2]
    if not rest.startswith("///"):
        raise ValueError("write it as file:///PATH, with an absolute path")
    return Path(unquote(rest[2:], errors="surrogateescape"))


def postgresql_parameters(url: str) -> dict[str, str]:
    """Return the connection parameters of a ``postgresql://`` URL, decoded by PostgreSQL's own library.

    Raises
    ------
    ValueError
        The library cannot read it, or it names no database.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = conninfo_to_dict(f"postgresql://{url.partition('://')[2]}")
    except (ProgrammingError, UnicodeError):
        # The library's message repeats parts of the URL.
        raise ValueError(
            "PostgreSQL cannot read this URL; write it as postgresql://user:password@host:port/database, with "
            "/ @ % of a password as %2F %40 %25"
        ) from None
    if not found.get("dbname"):
        raise ValueError("the URL names no database: postgresql://user:password@host:port/database")
    _port(str(found.get("port") or "5432"), several=True)
    return {name: str(value) for name, value in found.items() if value is not None}


def amqp_url(url: str) -> AmqpUrl:
    """Return the parts of an ``amqp(s)://`` URL.

    Raises
    ------
    ValueError
        A host or port that is none, or no virtual host: Hallmark's is one of its own.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    login, at, place = _authority(rest)
    user, _, password = login.partition(":") if at else ("", "", "")
    address, _, path = place.partition("/")
    vhost, _, options = path.partition("?")
    if not vhost.strip("/"):
        raise ValueError(
            f"name a vhost of its own, such as {scheme}://user:password@host:{_AMQP_PORTS[scheme]}/hallmark"
        )
    host, port = _host_and_port(address, _AMQP_PORTS[scheme])
    return AmqpUrl(scheme, unquote(user), unquote(password), host, port, unquote(vhost), options)


def _authority(rest: str) -> tuple[str, str, str]:
    """Split at the last ``@`` before the first ``/``: the login, whether there is one, and what follows."""
    end = rest.find("/")
    at = rest.rfind("@", 0, len(rest) if end < 0 else end)
    return (rest[:at], "@", rest[at + 1 :]) if at >= 0 else ("", "", rest)


def _host_and_port(address: str, default: int) -> tuple[str, int]:
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^\[\]:@?#]*)(?::(.*))?", address)
    if found is None:
        raise ValueError(_MALFORMED)
    return found[1].strip("[]") or "localhost", _port(found[2], several=False) if found[2] else default


def _port(text: str, *, several: bool) -> int:
    ports = text.split(",") if several else [text]
    for port in ports:
        if port and not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(_MALFORMED)
    return int(ports[0] or 0)


_MALFORMED = "host or port cannot be read; in a user or password write / ? # @ as %2F %3F %23 %40"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _as_it_is(url: str) -> str:
    return url


def _check_sqlite(url: str) -> str:
    return sqlite_url(sqlite_path(url))


def _check_file(url: str) -> str:
    file_path(url)
    return url


def _check_postgresql(url: str) -> str:
    postgresql_parameters(url)
    return url


def _check_amqp(url: str) -> str:
    amqp_url(url)
    return url


def _check_bucket(url: str) -> str:
    bucket = url.partition("://")[2].partition("/")[0]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", bucket):
        raise ValueError(
            "write it as s3://BUCKET/PREFIX; the key goes into HALLMARK_STORE_ACCESS_KEY and HALLMARK_STORE_SECRET_KEY"
        )
    return url


def _check_http(url: str) -> str:
    try:
        parts = urlsplit(url)
        login, port = "@" in url, parts.port
    except ValueError:
        raise ValueError("host or port cannot be read; write it as http://host:port") from None
    if login:
        raise ValueError("it takes no user or password; tokens and keys have variables of their own")
    if not parts.hostname or port == 0 or parts.query or parts.fragment:
        raise ValueError("expected http://host:port, with a path at most")
    return url.rstrip("/")


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "sqlite": _check_sqlite,
    "file": _check_file,
    "postgresql": _check_postgresql,
    "postgres": _check_postgresql,
    "amqp": _check_amqp,
    "amqps": _check_amqp,
    "s3": _check_bucket,
    "http": _check_http,
    "https": _check_http,
}


def _masked_postgresql(url: str) -> str:
    found = postgresql_parameters(url)
    host, port = found.get("host", ""), found.get("port", "")
    user = f"{quote(found['user'])}{':***' if 'password' in found else ''}@" if "user" in found else ""
    place = "" if host.startswith("/") else _bracketed(host) if "," not in host else host
    named = {"user", "password", "host", "port", "dbname"} if place or not host else {"user", "password", "dbname"}
    rest = {name: "***" if name in _POSTGRESQL_SECRETS else value for name, value in found.items() if name not in named}
    options = "&".join(f"{name}={value}" for name, value in rest.items())
    address = f"{place}{f':{port}' if port and place else ''}"
    return f"postgresql://{user}{address}/{quote(found['dbname'])}{f'?{options}' if options else ''}"


def _masked_amqp(url: str) -> str:
    found = amqp_url(url)
    login = f"{quote(found.user)}:***@" if found.user else ""
    return f"{found.scheme}://{login}{_bracketed(found.host)}:{found.port}/{quote(found.vhost)}"


def _masked_other(url: str) -> str:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    login = "***@" if parts.username is not None or parts.password is not None else ""
    if "@" in parts.path or "@" in parts.fragment or _SECRET_WORD.search(parts.path):
        raise ValueError(_MALFORMED)
    options = "?***" if parts.query else ""
    return f"{parts.scheme}://{login}{_bracketed(host)}{f':{port}' if port else ''}{parts.path}{options}"


_MASKS: Mapping[str, Callable[[str], str]] = {
    "postgresql": _masked_postgresql,
    "postgres": _masked_postgresql,
    "amqp": _masked_amqp,
    "amqps": _masked_amqp,
}


def _secrets(url: str) -> set[str]:
    """Return every text that must not be shown: the password, decoded and as it stands."""
    found = set()
    scheme = scheme_of(url)
    try:
        if scheme.startswith("postgres"):
            parameters = postgresql_parameters(url)
            found = {parameters[name] for name in _POSTGRESQL_SECRETS if name in parameters}
        elif scheme.startswith("amqp"):
            found = {amqp_url(url).password}
    except ValueError:
        pass
    login, at, _ = _authority(url.partition("://")[2])
    if at and ":" in login:
        found.add(login.partition(":")[2])
    return {secret for secret in found if secret}
