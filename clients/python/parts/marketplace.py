"""A visitor of a marketplace: the generated client with sign-in, tokens for both transports, errors with reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import httpx

from .async_base_client import HttpClient, Response
from .client import MercatoClient
from .exceptions import GraphQLClientGraphQLMultiError
from .sign_in import SignInSignIn

_TIMEOUT = 30.0


class Refused(Exception):
    """The first error of an answer: `code` is the kind of failure, `reason` is stable for programs."""

    def __init__(self, error: GraphQLClientGraphQLMultiError) -> None:
        first = error.errors[0]
        super().__init__(first.message)
        extensions: dict[str, Any] = first.extensions or {}
        self.code: str = extensions.get("code", "")
        self.reason: str = extensions.get("reason", "")
        self.details: dict[str, str] = extensions.get("details", {})
        self.request_id: str = extensions.get("requestId", "")


class Marketplace(MercatoClient):
    """``async with Marketplace("http://127.0.0.1:8080") as market: …``; queries and mutations raise `Refused`."""

    def __init__(self, url: str) -> None:
        base = url.rstrip("/")
        self._http = httpx.AsyncClient(
            timeout=_TIMEOUT,
            # application/json: refusals come with status 200 and their reasons. The second header is what the server
            # asks of uploads, which a foreign page could otherwise send.
            headers={"Accept": "application/json", "GraphQL-Require-Preflight": "1"},
        )
        super().__init__(
            url=f"{base}/graphql",
            ws_url=f"{base.replace('http', 'ws', 1)}/graphql",
            http_client=cast(HttpClient, self._http),
        )

    def authorize(self, access_token: str) -> None:
        """Calls and subscriptions from here on are made with this token."""
        self._http.headers["Authorization"] = f"Bearer {access_token}"
        self.ws_connection_init_payload = {"authorization": f"Bearer {access_token}"}

    async def sign_in_with(self, address: str, chain_id: str, sign: Callable[[str], str]) -> SignInSignIn:
        """Asks for a message (EIP-4361), has `sign` make its personal_sign signature (0x-hex), and signs in."""
        asked = await self.request_nonce(address=address, chain_id=chain_id)
        session = await self.sign_in(message=asked.message, signature=sign(asked.message))
        if session.tokens.access_token is not None:  # null for tokens in cookies, which this client does not ask for
            self.authorize(session.tokens.access_token)
        return session

    def get_data(self, response: Response) -> dict[str, Any]:
        try:
            return super().get_data(response)
        except GraphQLClientGraphQLMultiError as error:
            raise Refused(error) from None
