"""Old rows of an inbox go; young ones stay, because their events may still come again."""

from __future__ import annotations

from mercato.kit import postgres
from mercato.kit.inbox import KEPT_FOR, InboxPruner
from mercato.kit.settings import Settings


async def test_only_events_of_long_ago_are_forgotten(settings: Settings) -> None:
    async with postgres.connected(settings, "user_db") as database:
        await database.pool.execute("TRUNCATE processed_events")
        await database.pool.execute(
            "INSERT INTO processed_events "
            "SELECT 'c', 'old' || i, now() - $1::interval * 1.01 FROM generate_series(1, 7) AS i",
            KEPT_FOR,
        )
        await database.pool.execute(
            "INSERT INTO processed_events VALUES ('c', 'young', now() - $1::interval * 0.99)", KEPT_FOR
        )
        pruner = InboxPruner(database)
        assert await pruner.prune_once() == 7
        assert await pruner.prune_once() == 0
        assert await database.pool.fetchval("SELECT event_id FROM processed_events") == "young"
