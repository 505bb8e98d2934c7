"""RabbitMQ: declaring the topology, publishing with confirms, consuming with the retry ladder.

Publishing and consuming use separate connections: a refused publish closes its channel, which must never
requeue what a consumer holds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aio_pika
import yarl
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue, FieldValue
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, DeliveryError, PublishError
from prometheus_client import Counter, Histogram

from mercato.kit import messages, tasks, topology, tracing
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
_HEARTBEAT = 15
"""Seconds after which both sides take a silent connection for dead."""
_RECONNECT_PAUSE = 0.3
_OF_THE_WAY = (messages.FURTHER_KEYS, "x-death", "x-first-death")
"""Headers that say how a message came here, and would send a copy of it elsewhere."""
_BROKER_TROUBLE = (AMQPError, DeliveryError, OSError, TimeoutError, ChannelInvalidStateError, RuntimeError)

_published = Counter("mercato_messages_published_total", "Messages confirmed by the broker", ["exchange"])
_consumed = Counter("mercato_messages_consumed_total", "Messages finished, by outcome", ["queue", "outcome"])
_handling = Histogram("mercato_message_handling_seconds", "Time in a handler", ["queue"])


class Link:
    """One connection to the broker, opened when it is needed and again after it was lost.

    Plain connections, reconnected here: aio-pika's robust ones leave consumers silent after a broker is killed.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._connection: AbstractConnection | None = None
        self._lock = asyncio.Lock()

    @property
    def is_up(self) -> bool:
        """`connected` falls when the socket is lost; `is_closed` says only whether we closed it."""
        connection = self._connection
        return connection is not None and not connection.is_closed and connection.connected.is_set()

    async def open_channel(self) -> AbstractChannel:
        """A new channel with confirms, on which an unroutable message raises. Raises `Unavailable`."""
        try:
            async with asyncio.timeout(self._settings.publish_timeout):
                connection = await self._connected()
                return await connection.channel(publisher_confirms=True, on_return_raises=True)
        except _BROKER_TROUBLE as error:
            raise _unavailable(f"no channel: {error!r}") from error

    async def _connected(self) -> AbstractConnection:
        async with self._lock:
            if not self.is_up:
                self._connection = await connect(self._settings, self._name)
                async with self._connection.channel(publisher_confirms=False) as channel:
                    await declare(channel, self._settings)
            assert self._connection is not None
            return self._connection

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(*_BROKER_TROUBLE):
                await self._connection.close()


class Publisher:
    """Publishes with confirms; an unroutable message is an error, not silence."""

    def __init__(self, link: Link, timeout: float) -> None:
        self._link = link
        self._timeout = timeout
        self._channel: AbstractChannel | None = None
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
        except _BROKER_TROUBLE as error:
            raise _unavailable(f"no confirm for {message.routing_key}: {error!r}") from error
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

    async def _open(self) -> AbstractChannel:
        async with self._lock:
            if self._channel is None or self._channel.is_closed or not self._link.is_up:
                self._channel = await self._link.open_channel()
            return self._channel


class Broker:
    """A service's link to RabbitMQ: one connection to publish, one to consume."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._settings = settings
        self._log = get_logger(service)
        self._publishing = Link(settings, f"{service} publisher")
        self._consuming = Link(settings, f"{service} consumer")
        self.publisher = Publisher(self._publishing, settings.publish_timeout)

    async def check(self) -> None:
        """For readiness: raises `Unavailable` when the broker cannot be reached."""
        if not self._publishing.is_up:
            await (await self._publishing.open_channel()).close()

    async def close(self) -> None:
        await asyncio.gather(self._publishing.close(), self._consuming.close())

    @asynccontextmanager
    async def consuming(self, queue: str, handler: Handler) -> AsyncIterator[None]:
        """Feeds `queue` to `handler` until the block ends, over any number of lost connections. The ack follows the
        handler's return; a failure goes up the retry ladder, a `Poison` or other permanent error is parked at once."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._consume_for_ever(queue, handler, ready), name=f"consume {queue}")
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        try:
            yield
        finally:
            await tasks.ended([task])

    async def _consume_for_ever(self, queue: str, handler: Handler, ready: asyncio.Future[None]) -> None:
        trouble = ""
        while True:
            try:
                await self._consume(queue, handler, ready)
                trouble = ""
            except (Unavailable, *_BROKER_TROUBLE) as error:
                if not trouble:  # once, however long it lasts
                    self._log.warning("cannot consume", queue=queue, error=repr(error))
                trouble = repr(error)
            await asyncio.sleep(_RECONNECT_PAUSE)

    async def _consume(self, queue: str, handler: Handler, ready: asyncio.Future[None]) -> None:
        """Until the channel is lost. Messages that are being handled then come again to somebody."""
        channel = await self._consuming.open_channel()
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
        if not ready.done():
            ready.set_result(None)
        try:
            await channel.closed()
        finally:
            if not channel.is_closed:
                await self._leave(channel, source, tag, running)

    async def _leave(
        self, channel: AbstractChannel, source: AbstractQueue, tag: str, running: set[asyncio.Task[None]]
    ) -> None:
        """An orderly end: takes nothing new, lets running handlers finish for up to 5 s."""
        with contextlib.suppress(*_BROKER_TROUBLE):
            async with asyncio.timeout(6):
                await source.cancel(tag)
                if running:
                    await asyncio.wait(running, timeout=5)
                await channel.close()

    async def _process(self, queue: str, handler: Handler, raw: AbstractIncomingMessage) -> None:
        headers = {k: str(v) for k, v in raw.headers.items() if k != messages.FURTHER_KEYS}
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
        with contextlib.suppress(*_BROKER_TROUBLE):  # the channel is gone: the message comes again, and is known
            await (raw.nack(requeue=True) if outcome == "requeued" else raw.ack())
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
        headers = {k: str(v) for k, v in raw.headers.items() if not k.startswith(_OF_THE_WAY)}
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
    """Connects, declares the whole topology (idempotent), and closes at the end of the block. Raises `Unavailable`
    when there is no broker at the start; one that goes away later is waited for."""
    broker = Broker(settings, service)
    try:
        await broker.check()
        yield broker
    finally:
        await broker.close()


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


async def connect(settings: Settings, name: str) -> AbstractConnection:
    """A bare connection for tools. Raises `Unavailable` BROKER_UNAVAILABLE."""
    try:
        async with asyncio.timeout(settings.publish_timeout):
            url = yarl.URL(settings.amqp_url).update_query(heartbeat=_HEARTBEAT)
            return await aio_pika.connect(str(url), client_properties={"connection_name": name})
    except _BROKER_TROUBLE as error:
        where = settings.amqp_url.rpartition("@")[2]
        raise _unavailable(f"no RabbitMQ at {where}: {error}") from error


def _unavailable(message: str) -> Unavailable:
    return Unavailable("BROKER_UNAVAILABLE", message)


def _to_amqp(message: Outgoing) -> aio_pika.Message:
    headers: dict[str, FieldValue] = dict(message.headers)
    if message.further_keys:
        headers[messages.FURTHER_KEYS] = list(message.further_keys)
    return aio_pika.Message(
        message.body,
        message_id=message.message_id,
        type=message.type,
        content_type=messages.CONTENT_TYPE,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        timestamp=datetime.now(UTC),
        app_id="mercato",
        headers=headers,
    )


def _table(arguments: Mapping[str, object]) -> dict[str, FieldValue]:
    return {k: v for k, v in arguments.items() if isinstance(v, str | int)}
