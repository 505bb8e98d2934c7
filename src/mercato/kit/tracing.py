"""Request ids and W3C trace context: carried from GraphQL over gRPC and AMQP headers to the last consumer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, DEFAULT_ON
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mercato.kit.ids import new_id
from mercato.kit.settings import Settings

REQUEST_ID_HEADER = "x-request-id"

request_id: ContextVar[str] = ContextVar("request_id", default="")

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("mercato")


def setup(settings: Settings, name: str) -> None:
    """Installs the process's tracer; spans leave the process only when ``MERCATO_OTLP_URL`` is set."""
    # A span that nobody will ever see needs its ids only: to record it costs a quarter of a short request.
    sampler = DEFAULT_ON if settings.otlp_url else ALWAYS_OFF
    provider = TracerProvider(sampler, Resource.create({"service.name": name}))
    if settings.otlp_url:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{settings.otlp_url}/v1/traces")))
    trace.set_tracer_provider(provider)


def current_trace_id() -> str:
    """32 hex digits, or empty outside of a span."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def inject() -> dict[str, str]:
    """Headers that carry the current trace and request id to another process."""
    headers: dict[str, str] = {}
    _propagator.inject(headers)
    if rid := request_id.get():
        headers[REQUEST_ID_HEADER] = rid
    return headers


@contextmanager
def continued(headers: Mapping[str, str], name: str) -> Iterator[None]:
    """A span named `name` that continues the trace in `headers`; makes a request id where there is none."""
    parent = _propagator.extract(headers, context=otel_context.Context())
    token = request_id.set(headers.get(REQUEST_ID_HEADER) or new_id().hex)
    try:
        with _tracer.start_as_current_span(name, context=parent):
            yield
    finally:
        request_id.reset(token)
