"""The message topology, whole: exchanges, routing keys, queues, the retry ladder, and where messages end.

    publisher ─▶ exchange ─key─▶ queue ─▶ consumer ─ok─▶ ack
                                   ▲         │ fails, try n
                                   │         ▼  dlx.events  delay.{n}.{queue}
                       dlx.return  │      dlx.delay.{seconds}      (message TTL)
                  delay.*.{queue} ─┴─────────┘ expires
                                             │ last try, or poison: dlx.events  parked.{queue}
                                             ▼
                                         dlx.parked          (`mercato dlq`)

All exchanges are durable topic exchanges; all queues are durable quorum queues. A delayed message comes back to
its own queue only: the key names it, and only that queue is bound to it on ``dlx.return``. A message whose
consumer keeps dying is dead-lettered by the broker itself after `delivery_limit` tries, and parked too.
`*` matches exactly one word and `#` any number, so what ends in ``.{contract}.{tokenId}`` is bound with `#`.
A message may have several keys (`messages.Outgoing.further_keys`): a queue that some of them reach gets it once.
"""

from __future__ import annotations

from dataclasses import dataclass

from mercato.kit.ids import Address, ChainId

AUTH_EVENTS = "auth.events"
WALLETS_EVENTS = "wallets.events"
COLLECTIONS_EVENTS = "collections.events"
COLLECTIONS_DOMAIN = "collections.domain"
MINTS_EVENTS = "mints.events"
MINTS_DOMAIN = "mints.domain"
TOKENS_EVENTS = "tokens.events"
TOKENS_DOMAIN = "tokens.domain"
CHAINS_EVENTS = "chains.events"
MEDIA_EVENTS = "media.events"
DLX = "dlx.events"
RETURN = "dlx.return"
PARKED = "dlx.parked"

EXCHANGES = (
    AUTH_EVENTS, WALLETS_EVENTS, COLLECTIONS_EVENTS, COLLECTIONS_DOMAIN, MINTS_EVENTS, MINTS_DOMAIN,
    TOKENS_EVENTS, TOKENS_DOMAIN, CHAINS_EVENTS, MEDIA_EVENTS, DLX, RETURN,
)  # fmt: skip


@dataclass(frozen=True)
class Queue:
    """A work queue: who reads it and what reaches it."""

    name: str
    consumer: str
    exchange: str
    binding: str


QUEUES = (
    Queue("subs.auth.logged_in", "subscriptions", AUTH_EVENTS, "user.logged_in"),
    Queue("users.auth.logged_in", "users", AUTH_EVENTS, "user.logged_in"),
    Queue("auth.wallets.unlinked", "auth", WALLETS_EVENTS, "wallet.unlinked"),
    Queue("subs.wallets.linked", "subscriptions", WALLETS_EVENTS, "wallet.linked"),
    Queue("catalog.collections.created", "catalog", COLLECTIONS_EVENTS, "created.eip155.*"),
    Queue("catalog.collections.imported", "catalog", COLLECTIONS_EVENTS, "imported.eip155.*"),
    Queue("catalog.collections.configured", "catalog", COLLECTIONS_EVENTS, "configured.eip155.*"),
    Queue("subs.collections.upserted", "subscriptions", COLLECTIONS_DOMAIN, "upserted.#"),
    Queue("catalog.mints.created", "catalog", MINTS_EVENTS, "minted.eip155.*"),
    Queue("subs.mints.upserted", "subscriptions", MINTS_DOMAIN, "upserted.#"),
    Queue("catalog.tokens.transferred", "catalog", TOKENS_EVENTS, "transferred.eip155.*"),
    Queue("catalog.tokens.refreshed", "catalog", TOKENS_EVENTS, "refreshed.eip155.*"),
    Queue("wallets.tokens.approved", "wallets", TOKENS_EVENTS, "approved.eip155.*"),
    Queue("subs.tokens.changed", "subscriptions", TOKENS_DOMAIN, "#"),
    Queue("catalog.chains.changed", "catalog", CHAINS_EVENTS, "*.eip155.*"),
    Queue("wallets.tokens.transferred", "wallets", TOKENS_EVENTS, "transferred.eip155.*"),
    Queue("wallets.chains.reorged", "wallets", CHAINS_EVENTS, "reorged.eip155.*"),
    Queue("wallets.chains.advanced", "wallets", CHAINS_EVENTS, "advanced.eip155.*"),
    Queue("subs.chains.reorged", "subscriptions", CHAINS_EVENTS, "reorged.eip155.*"),
    Queue("media.metadata.requested", "media", MEDIA_EVENTS, "metadata.requested"),
    Queue("catalog.metadata.resolved", "catalog", MEDIA_EVENTS, "metadata.resolved"),
)

QUEUE_BY_NAME = {queue.name: queue for queue in QUEUES}

USER_LOGGED_IN = "user.logged_in"
WALLET_LINKED = "wallet.linked"
WALLET_UNLINKED = "wallet.unlinked"
METADATA_REQUESTED = "metadata.requested"
METADATA_RESOLVED = "metadata.resolved"


def created(chain: ChainId) -> str:
    return f"created.{chain.routing}"


def imported(chain: ChainId) -> str:
    return f"imported.{chain.routing}"


def configured(chain: ChainId) -> str:
    return f"configured.{chain.routing}"


def minted(chain: ChainId) -> str:
    return f"minted.{chain.routing}"


def transferred(chain: ChainId) -> str:
    return f"transferred.{chain.routing}"


def approved(chain: ChainId) -> str:
    return f"approved.{chain.routing}"


def refreshed(chain: ChainId) -> str:
    return f"refreshed.{chain.routing}"


def reorged(chain: ChainId) -> str:
    return f"reorged.{chain.routing}"


def advanced(chain: ChainId) -> str:
    return f"advanced.{chain.routing}"


def collection_upserted(chain: ChainId, contract: Address) -> str:
    return f"upserted.{chain.routing}.{contract.text}"


def token_upserted(chain: ChainId, contract: Address, token_id: int) -> str:
    return f"upserted.{chain.routing}.{contract.text}.{token_id}"


def token_transferred(chain: ChainId, contract: Address, token_id: int) -> str:
    return f"transferred.{chain.routing}.{contract.text}.{token_id}"


def token_enriched(chain: ChainId, contract: Address, token_id: int) -> str:
    return f"enriched.{chain.routing}.{contract.text}.{token_id}"


def delay_key(attempt: int | str, queue: str) -> str:
    """Key on ``dlx.events`` after failed try `attempt` (1 is the first); with wildcards, a binding."""
    return f"delay.{attempt}.{queue}"


def parked_key(queue: str) -> str:
    return f"parked.{queue}"


def delay_queue(seconds: float) -> str:
    """Named by its delay, so that another ladder makes other queues instead of a clash of arguments."""
    return f"dlx.delay.{seconds:g}s"


def work_queue_arguments(queue: str, delivery_limit: int) -> dict[str, object]:
    """Dead letters of the broker's own making (delivery limit) are parked, at least once."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": delivery_limit,
        "x-dead-letter-exchange": DLX,
        "x-dead-letter-routing-key": parked_key(queue),
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


def delay_queue_arguments(seconds: float) -> dict[str, object]:
    """Expired messages go to ``dlx.return`` with the key they came with, which names their queue."""
    return {
        "x-queue-type": "quorum",
        "x-message-ttl": int(seconds * 1000),
        "x-dead-letter-exchange": RETURN,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
