"""Structured logs: one JSON object a line, with service, request id and trace id wherever they are known."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from mercato.kit import tracing
from mercato.kit.settings import Settings

Logger = structlog.stdlib.BoundLogger


def setup(settings: Settings) -> None:
    """Configures the process once; safe to repeat."""
    level = logging.getLevelName(settings.log_level.upper())
    renderer: Any = (
        structlog.dev.ConsoleRenderer() if settings.log_format == "console" else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _add_context,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard module; only what needs a person's eye passes.
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stdout, format="%(levelname)s %(name)s %(message)s", force=True
    )
    for chatty in ("aio_pika", "aiormq", "pymongo"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)  # what they raise is logged where it is handled


def get_logger(service: str) -> Logger:
    """A logger whose lines carry the service's name."""
    logger: Logger = structlog.get_logger(service=service)
    return logger


def _add_context(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if request_id := tracing.request_id.get():
        event.setdefault("request_id", request_id)
    if trace_id := tracing.current_trace_id():
        event.setdefault("trace_id", trace_id)
    return event
