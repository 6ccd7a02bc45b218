"""Every setting as a Markdown table: `docs/settings.md` is what this prints, and a test holds it to that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from cli.configuration import FOREIGN_VARIABLES, OTHER_VARIABLES
from core.settings import CoreSettings
from gateway.settings import GatewaySettings
from runtime.configuration import FILE_VARIABLE, PREFIX, EnvironmentSettings
from runtime.settings import CHECKOUT, Settings
from runtime.sizes import parse_size

_HEAD = f"""# Settings

Every variable that a process reads, as `hallmark config describe` prints it from the settings themselves. The
environment comes first, then the file that `{FILE_VARIABLE}` names (`.env` in the working folder when unset). An
empty variable counts as unset. Sizes are bytes or a number with K, M, G or T; durations are in the unit of their name.
[operations.md](operations.md) says how URLs are written.

`hallmark execute`, `verify`, `inspect` and `new` need no settings and read no file: of these variables they heed
`{PREFIX}KEY_DIR`, `{PREFIX}CPU` and `{PREFIX}THREADS`, from the environment.
"""

_GROUPS: tuple[tuple[str, type[EnvironmentSettings]], ...] = (
    ("Every process", Settings),
    ("Core", CoreSettings),
    ("Gateway", GatewaySettings),
)


def render() -> str:
    """Return the page."""
    tables = [line for title, group in _GROUPS for line in _table(title, group)]
    others = [*_others("Variables that are no settings", OTHER_VARIABLES), *_others("Of others", FOREIGN_VARIABLES)]
    return "\n".join([_HEAD, *tables, *others])


def _table(title: str, group: type[EnvironmentSettings]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| variable | default | allowed | meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in group.model_fields.items():
        meaning = (field.description or "").replace("``", "`").replace("\n", " ")
        yield f"| `{PREFIX}{name.upper()}` | {_default(field)} | {_allowed(field)} | {meaning} |"
    yield ""


def _others(title: str, variables: Mapping[str, str]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| variable | meaning |"
    yield "| --- | --- |"
    for names, meaning in variables.items():
        yield f"| {', '.join(f'`{name}`' for name in names.split(', '))} | {meaning} |"
    yield ""


def _default(field: FieldInfo) -> str:
    computed = field.is_required() or field.default_factory is not None
    value: Any = None if computed else field.get_default()
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in (None, ""):
        return "-"
    if isinstance(value, Path):
        return f"`{value.relative_to(CHECKOUT)}` below the checkout"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{_size(value) if _is_size(field) else value}`"


def _allowed(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation) if choice)
    if _is_size(field):
        return "a size"
    least = next((found for each in field.metadata if (found := getattr(each, "ge", None)) is not None), None)
    most = next((found for each in field.metadata if (found := getattr(each, "le", None)) is not None), None)
    if least is None:
        return ""
    return f"from {_number(least)}" if most is None else f"{_number(least)} to {_number(most)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 and value == int(value) else f"{value:g}"


def _is_size(field: FieldInfo) -> bool:
    return any(getattr(each, "func", None) is parse_size for each in field.metadata)


def _size(value: int) -> str:
    for shift, unit in ((40, "T"), (30, "G"), (20, "M"), (10, "K")):
        if value and value % (1 << shift) == 0:
            return f"{value >> shift}{unit}"
    return str(value)
