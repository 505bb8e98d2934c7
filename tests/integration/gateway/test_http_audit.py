"""The audit suite of npm graphql-http on the running gateway: every one of its audits, none excused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from gateway_parts import GRAPHQL_JSON, Gateway

AUDIT = Path(__file__).parents[2] / "audit"
AUDITS = 61


async def test_every_audit_of_graphql_over_http_passes(gateway: Gateway) -> None:
    process = await asyncio.create_subprocess_exec(
        *("node", "audit.mjs", f"{gateway.url}/graphql"),
        cwd=AUDIT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, errors.decode()
    found = json.loads(output)
    assert [audit for audit in found if audit["status"] != "ok"] == []
    assert len({audit["id"] for audit in found}) == AUDITS


async def test_the_new_media_type_is_answered_in_and_the_old_one_too(gateway: Gateway) -> None:
    for accept, sent in ((GRAPHQL_JSON, GRAPHQL_JSON), ("application/json", "application/json")):
        for query, statuses in (("{ __typename }", (200, 200)), ("{ nothing }", (400, 200))):
            answer = await gateway.post({"query": query}, Accept=accept)
            assert answer.headers["Content-Type"] == f"{sent}; charset=utf-8"
            assert answer.status == statuses[accept != GRAPHQL_JSON]
