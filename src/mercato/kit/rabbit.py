"""RabbitMQ: declaring the topology, publishing with confirms, consuming with the retry ladder.

Publishing and consuming use separate connections: a refused publish closes its channel, which must never
requeue what a consumer holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel, AbstractRobustConnection
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError, PublishError
from prometheus_client import Counter, Histogram

from mercato.kit import messages, topology, tracing
from mercato.kit.errors import MercatoError, Poison, Unavailable
from mercato.kit.logging import get_logger
from mercato.kit.messages import Incoming, Outgoing
from mercato.kit.settings import Settings

Handler = Callable[[Incoming], Awaitable[None]]

ATTEMPT_HEADER = "x-attempt"
CAUSE_HEADER = "x-cause"
QUEUE_HEADER = "x-queue"
FAILED_AT_HEADER = "x-failed-at"

_WINDOW = 256

_published = Counter("mercato_messages_published_total", "Messages confirmed by the broker", ["exchange"])
_consumed = Counter("mercato_messages_consumed_total", "Messages finished, by outcome", ["queue", "outcome"])
_handling = Histogram("mercato_message_handling_seconds", "Time in a handler", ["queue"])


class Publisher:
    """Publishes with confirms; an unroutable message is an error, not silence."""

    def __init__(self, connection: AbstractRobustConnection, timeout: float) -> None:
        self._connection = connection
        self._timeout = timeout
        self._channel: AbstractRobustChannel | None = None
        self._lock = asyncio.Lock()

    async def publish(self, message: Outgoing) -> None:
        """Returns after the broker's confirm. Raises `Unavailable` BROKER_UNAVAILABLE, or UNROUTABLE when no queue is
        bound to the key."""
        channel = await self._open()
        try:
            async with asyncio.timeout(self._timeout):
                exchange = await channel.get_exchange(message.exchange, ensure=False)
                await exchange.publish(_to_amqp(message), message.routing_key, mandatory=True)
        except PublishError as error:
            raise Unavailable("UNROUTABLE", f"no queue takes {message.exchange} {message.routing_key}") from error
        except (
            AMQPError,
            DeliveryError,
            OSError,
            TimeoutError,
            ChannelInvalidStateError,
            RuntimeError,
        ) as error:
            raise Unavailable("BROKER_UNAVAILABLE", f"no confirm for {message.routing_key}: {error!r}") from error
        _published.labels(message.exchange).inc()

    async def publish_all(self, batch: Iterable[Outgoing]) -> None:
        """Publishes a batch with up to 256 confirms in flight; raises the first failure after all have ended."""
        gate = asyncio.Semaphore(_WINDOW)

        async def one(message: Outgoing) -> None:
            async with gate:
                await self.publish(message)

        for outcome in await asyncio.gather(*map(one, batch), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _open(self) -> AbstractRobustChannel:
        async with self._lock:
            if self._channel is None or self._channel.is_closed:
                try:
                    async with asyncio.timeout(self._timeout):
                        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                except (AMQPError, OSError, TimeoutError, RuntimeError) as error:
                    raise Unavailable("BROKER_UNAVAILABLE", f"no channel: {error!r}") from error
                assert isinstance(channel, aio_pika.RobustChannel)
                self._channel = channel
            return self._channel


class Broker:
    """A service's link to RabbitMQ: one connection to publish, one to consume."""

    def __init__(
        self,
        settings: Settings,
        service: str,
        publishing: AbstractRobustConnection,
        consuming: AbstractRobustConnection,
    ) -> None:
        self._settings = settings
        self._service = service
        self._publishing = publishing
        self._consuming = consuming
        self._log = get_logger(service)
        self.publisher = Publisher(publishing, settings.publish_timeout)

    async def check(self) -> None:
        """For readiness: raises `Unavailable` when a connection is down."""
        for connection in (self._publishing, self._consuming):
            if connection.is_closed or not connection.connected.is_set():
                raise Unavailable("BROKER_UNAVAILABLE", "not connected to RabbitMQ")

    @asynccontextmanager
    async def consuming(self, queue: str, handler: Handler) -> AsyncIterator[None]:
        """Feeds `queue` to `handler` until the block ends. The ack follows the handler's return; a failure
        goes up the retry ladder, a `Poison` or other permanent error is parked at once."""
        channel = await self._consuming.channel(publisher_confirms=True)
        await channel.set_qos(prefetch_count=self._settings.prefetch)
        source = await channel.get_queue(queue, ensure=False)
        running: set[asyncio.Task[None]] = set()

        async def receive(message: AbstractIncomingMessage) -> None:
            task = asyncio.current_task()
            assert task is not None
            running.add(task)
            try:
                await self._process(queue, handler, message)
            finally:
                running.discard(task)

        tag = await source.consume(receive)
        try:
            yield
        finally:
            await source.cancel(tag)
            if running:
                await asyncio.wait(running, timeout=5)
            await channel.close()

    async def _process(self, queue: str, handler: Handler, raw: AbstractIncomingMessage) -> None:
        headers = {k: str(v) for k, v in raw.headers.items()}
        attempt = int(headers.get(ATTEMPT_HEADER, "1"))
        with tracing.continued(headers, f"consume {queue}"), _handling.labels(queue).time():
            try:
                message = messages.decode(raw.type or "", raw.body)
                await handler(Incoming(raw.message_id or "", raw.type or "", message, headers, attempt))
                outcome = "done"
            except asyncio.CancelledError:
                raise
            except Exception as error:
                outcome = await self._set_aside(queue, raw, attempt, error)
        if outcome == "requeued":
            await raw.nack(requeue=True)
        else:
            await raw.ack()
        _consumed.labels(queue, outcome).inc()

    async def _set_aside(self, queue: str, raw: AbstractIncomingMessage, attempt: int, error: Exception) -> str:
        """Moves a failed message to its delay or to the parked ones, confirmed before the ack."""
        permanent = isinstance(error, Poison) or (isinstance(error, MercatoError) and not error.retryable)
        last = attempt > len(self._settings.delays)
        key = topology.parked_key(queue) if permanent or last else topology.delay_key(attempt, queue)
        outcome = "parked" if permanent or last else "retried"
        log = self._log.error if outcome == "parked" else self._log.warning
        log("message failed", queue=queue, message_id=raw.message_id, attempt=attempt, outcome=outcome,
            error=repr(error), exc_info=None if isinstance(error, MercatoError) else error)  # fmt: skip
        headers = {k: str(v) for k, v in raw.headers.items() if not k.startswith(("x-death", "x-first-death"))}
        headers |= {
            ATTEMPT_HEADER: str(attempt + 1 if outcome == "retried" else attempt),
            CAUSE_HEADER: repr(error)[:2000],
            QUEUE_HEADER: queue,
            FAILED_AT_HEADER: datetime.now(UTC).isoformat(),
        }
        aside = Outgoing(topology.DLX, key, raw.message_id or "", raw.type or "", raw.body, headers)
        try:
            await self.publisher.publish(aside)
        except Unavailable:
            await asyncio.sleep(1)  # the broker itself is in trouble: the message stays where it is
            return "requeued"
        return outcome


@asynccontextmanager
async def connected(settings: Settings, service: str) -> AsyncIterator[Broker]:
    """Connects, declares the whole topology (idempotent), and closes at the end of the block."""
    publishing = await connect(settings, f"{service} publisher")
    try:
        consuming = await connect(settings, f"{service} consumer")
        try:
            async with publishing.channel(publisher_confirms=False) as channel:
                await declare(channel, settings)
            yield Broker(settings, service, publishing, consuming)
        finally:
            await consuming.close()
    finally:
        await publishing.close()


async def declare(channel: aio_pika.abc.AbstractChannel, settings: Settings) -> None:
    """Declares all of `topology`; a second declaration changes nothing."""
    exchanges = {
        name: await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)
        for name in topology.EXCHANGES
    }
    parked = await channel.declare_queue(topology.PARKED, durable=True, arguments={"x-queue-type": "quorum"})
    await parked.bind(exchanges[topology.DLX], "parked.#")
    for attempt, seconds in enumerate(settings.delays, start=1):
        delay = await channel.declare_queue(
            topology.delay_queue(seconds),
            durable=True,
            arguments=_table(topology.delay_queue_arguments(seconds)),
        )
        await delay.bind(exchanges[topology.DLX], topology.delay_key(attempt, "#"))
    for queue in topology.QUEUES:
        arguments = _table(topology.work_queue_arguments(queue.name, settings.delivery_limit))
        work = await channel.declare_queue(queue.name, durable=True, arguments=arguments)
        await work.bind(exchanges[queue.exchange], queue.binding)
        await work.bind(exchanges[topology.RETURN], topology.delay_key("*", queue.name))


async def connect(settings: Settings, name: str) -> AbstractRobustConnection:
    """A bare connection for tools. Raises `Unavailable` BROKER_UNAVAILABLE."""
    try:
        async with asyncio.timeout(settings.publish_timeout):
            return await aio_pika.connect_robust(
                settings.amqp_url, client_properties={"connection_name": name}, reconnect_interval=0.5
            )
    except (AMQPError, OSError, TimeoutError) as error:
        raise Unavailable(
            "BROKER_UNAVAILABLE", f"no RabbitMQ at {settings.amqp_url.rpartition('@')[2]}: {error}"
        ) from error


def _to_amqp(message: Outgoing) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        message_id=message.message_id,
        type=message.type,
        content_type=messages.CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        timestamp=datetime.now(UTC),
        app_id="mercato",
        headers=dict(message.headers),
    )


def _table(arguments: Mapping[str, object]) -> dict[str, aio_pika.abc.FieldValue]:
    return {k: v for k, v in arguments.items() if isinstance(v, str | int)}
