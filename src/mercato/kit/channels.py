"""Redis pub/sub channels between subscriptions (and the orchestrator) and the gateways; bodies are `push.v1.Push`.

`SESSIONS_ENDED` is the one that auth publishes on; its body is the id of a session.
"""

from __future__ import annotations

from uuid import UUID

from mercato.kit.ids import Address, ChainId

EVERYTHING = "push:*"
"""Pattern of all channels: a gateway subscribes once and fans out itself."""

FEED = "push:feed"
"""Every collection and token event, for anybody."""

USER_PREFIX = "push:user:"

SESSIONS_ENDED = "session:ended"
"""Each session that was revoked, as the text of its id: gateways close its sockets and forget its tokens."""


def intent(intent_id: UUID) -> str:
    return f"push:intent:{intent_id}"


def user(user_id: UUID) -> str:
    """What concerns one user: sign-ins, linked wallets, own intents."""
    return f"{USER_PREFIX}{user_id}"


def collection(chain: ChainId, contract: Address) -> str:
    return f"push:collection:{chain.caip2}:{contract.text}"
