"""Structured logs: one event per line, JSON for machines or colours for people, with the trace id bound once."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, cast

import structlog
from opentelemetry import trace

from runtime.errors import ResourceError
from runtime.os_errors import resource_error
from runtime.settings import Settings
from runtime.troubles import TROUBLES

#: Libraries whose chatter is of no use to an operator below the given level.
_QUIET = {"pika": logging.CRITICAL, "dramatiq": logging.WARNING, "peewee": logging.INFO}

#: Tracebacks without the frames' variables: those hold tokens, and arrays of gigabytes.
_TRACEBACK = structlog.dev.RichTracebackFormatter(show_locals=False)


def configure_logging(settings: Settings, *, process: str) -> None:
    """Send structlog and the standard library's records to stderr in one format.

    Call it after any fork: handlers hold the stream that is current now.

    Parameters
    ----------
    process
        Name of the process type, bound to every line.
    """
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _Process(process),
        _add_trace,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if not console else _unchanged,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_TRACEBACK)
        if console
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(_not_a_trouble)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    structlog.configure(
        processors=[_told_once, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(settings.log_level.upper())),
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger whose events carry ``logger_name=name``."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(name, logger_name=name))


class _Process:
    """Adds the process's name; context variables would not reach threads."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, _: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = self._name
        return event


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = format(context.trace_id, "032x")
    return event


def _unchanged(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return event


def _told_once(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out what says no more than that a resource of the host ran out; :mod:`runtime.troubles` tells that once.

    That is a traceback of such an error, and a warning with its code: somebody tries again and is refused again.
    """
    given = event.get("exc_info")
    error = given[1] if isinstance(given, tuple) else given if isinstance(given, BaseException) else None
    if _is_trouble(error if not given or error else sys.exc_info()[1]):
        raise structlog.DropEvent
    spent = next((kind for kind in ResourceError.__subclasses__() if kind.code == event.get("code")), None)
    if method == "warning" and spent is not None and event.get("logger_name") != TROUBLES.LOGGER:
        TROUBLES.note(spent(str(event.get("reason", ""))))
        raise structlog.DropEvent
    return event


def _not_a_trouble(record: logging.LogRecord) -> bool:
    """Do the same for libraries' records."""
    return not _is_trouble(record.exc_info[1] if isinstance(record.exc_info, tuple) else None)


def _is_trouble(error: BaseException | None) -> bool:
    spent = resource_error(error) if error is not None else None
    if spent is not None:
        TROUBLES.note(spent)
    return spent is not None
