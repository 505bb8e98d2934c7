"""Redis channels between subscriptions (and the orchestrator) and the gateways; what is pushed is `push.v1.Push`.

`kit.pushes` keeps a log of each but those of intents, whose timeline is in the database. `SESSIONS_ENDED` is the one
that auth publishes on; its body is the id of a session.
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


INTENT_PREFIX = "push:intent:"


def intent(intent_id: UUID) -> str:
    """Every version of one intent. Nothing is kept: who missed one reads the intent."""
    return f"{INTENT_PREFIX}{intent_id}"


def user(user_id: UUID) -> str:
    """What concerns one user: sign-ins, linked wallets, own intents."""
    return f"{USER_PREFIX}{user_id}"


def collection(chain: ChainId, contract: Address) -> str:
    return f"{collections(chain)}{contract.text}"


def collections(chain: ChainId) -> str:
    """How the channels of a chain's collections begin."""
    return f"push:collection:{chain.caip2}:"
