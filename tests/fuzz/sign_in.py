"""Sign-ins gone wrong: real nonces and keys, with one thing in message, signature, token or cookie that is off."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from mercato.story.wallet import Wallet
from tests.fuzz.values import Values, encoded
from tests.fuzz.wire import Answer, Headers, request

_NONCE = "mutation ($input: RequestNonceInput!) { requestNonce(input: $input) { message nonce } }"
_SIGN_IN = "mutation ($input: SignInInput!) { signIn(input: $input) { newUser tokens { accessToken refreshToken } } }"
_REFRESH = (
    "mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { tokens { accessToken refreshToken } } }"
)
_LINK_NONCE = "mutation ($input: RequestWalletLinkInput!) { requestWalletLink(input: $input) { message } }"
_LINK = "mutation ($input: LinkWalletInput!) { linkWallet(input: $input) { created } }"
_SIGN_OUT = "mutation ($all: Boolean!) { signOut(all: $all) { revoked } }"
_REVOKE = "mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { sessions { id } } }"
_UNLINK = "mutation ($id: ID!) { unlinkWallet(id: $id) { revokedSessions } }"
_MAGIC = "6492" * 16
"""What ends a signature for a wallet that is not deployed yet (ERC-6492)."""


class SignIns:
    """Each call of `next` is one newcomer, from an address of their own; it gives what went wrong, None for nothing."""

    def __init__(self, port: int, origin: str, values: Values) -> None:
        self._port = port
        self._origin = origin
        self._values = values
        self._rng = values.rng
        self._ends: list[Callable[[str, str], Awaitable[None]]] = [self._refreshes, self._links, self._leaves]
        self._round = 0
        self._faults: list[str] = []
        self._from = b""

    async def next(self) -> str | None:
        """A whole life of a session."""
        self._faults.clear()
        self._from = ".".join(str(self._rng.randrange(1, 255)) for _ in range(4)).encode()
        self._round += 1
        wallet = Wallet("0x" + self._rng.randbytes(32).hex())
        message = await self._asked(wallet)
        if message:
            for _ in range(3):
                await self._wrong_sign_in(wallet, message)
            opened = await self._call(
                _SIGN_IN, {"input": {"message": message, "signature": wallet.sign_message(message)}}
            )
            if opened is not None:
                tokens = opened["signIn"]["tokens"]
                await self._ends[self._round % len(self._ends)](tokens["accessToken"], tokens["refreshToken"])
        return "\n".join(self._faults) or None

    async def _asked(self, wallet: Wallet) -> str | None:
        await self._call(
            _NONCE,
            {"input": {"address": self._either(wallet.address.checksum), "chainId": self._either("eip155:31337")}},
        )
        await self._call(
            _NONCE, {"input": {"address": wallet.address.text, "chainId": "eip155:31337", "domain": self._values.odd()}}
        )
        found = await self._call(_NONCE, {"input": {"address": wallet.address.checksum, "chainId": "eip155:31337"}})
        return str(found["requestNonce"]["message"]) if found else None

    async def _wrong_sign_in(self, wallet: Wallet, message: str) -> None:
        lines = message.split("\n")
        line = self._rng.randrange(len(lines))
        name, colon, _ = lines[line].partition(": ")
        lines[line] = self._rng.choice((
            name + colon + self._values.text(), name + colon + "9" * self._rng.choice((20, 5000)), self._values.text(),
            lines[line] + "\nResources:\n- " + self._values.text(), lines[line] + "\r", "",
        ))  # fmt: skip
        said = "\n".join(lines) if self._rng.random() < 0.7 else message
        plain = said.encode(errors="replace").decode()
        signed = wallet.sign_message(plain)
        signature = self._rng.choice((
            signed, signed[:-2] + self._rng.choice(("00", "1d", "ff", "25")), signed[:130],
            signed + "00", "0x", "0x" + "00" * 65,
            "0x" + "ff" * 65, signed + _MAGIC, "0x" + _MAGIC, "0x" + self._rng.randbytes(300).hex() + _MAGIC,
            "0x" + (b"\0" * 31 + b"\xff").hex() * 3 + _MAGIC, "0x" + "11" * 20_000, self._values.odd(),
        ))  # fmt: skip
        transport = self._rng.choice(("BODY", "COOKIE"))
        await self._call(_SIGN_IN, {"input": {"message": said, "signature": signature, "transport": transport}})

    async def _refreshes(self, access: str, refresh: str) -> None:
        for token in (self._values.odd(), refresh[:-1] + "A", self._bent(refresh)):
            await self._call(_REFRESH, {"input": {"refreshToken": token}})
        await self._call(
            _REFRESH,
            {"input": {}},
            [("Cookie", b"mercato-refresh=" + self._bent(refresh).encode())],
            "/graphql/session",
        )
        await self._call(_REFRESH, {"input": {"refreshToken": refresh}})
        await self._call("{ viewer { address } }", {}, _bearer(self._bent(access)))

    async def _links(self, access: str, _: str) -> None:
        other = Wallet("0x" + self._rng.randbytes(32).hex())
        asked = await self._call(
            _LINK_NONCE, {"input": {"address": other.address.checksum, "chainId": "eip155:31337"}}, _bearer(access)
        )
        if asked is None:
            return
        message = asked["requestWalletLink"]["message"]
        for said in (message.replace("link", self._values.text(), 1), message):
            plain = said.encode(errors="replace").decode()
            await self._call(
                _LINK, {"input": {"message": plain, "signature": other.sign_message(plain)}}, _bearer(access)
            )
        await self._call(_UNLINK, {"id": self._values.odd()}, _bearer(access))

    async def _leaves(self, access: str, refresh: str) -> None:
        await self._call(_REVOKE, {"input": {"id": self._values.scalar("ID")}}, _bearer(access))
        await self._call(_REVOKE, {"input": {"id": self._values.odd()}}, _bearer(access))
        await self._call(_SIGN_OUT, {"all": self._values.small()}, _bearer(access))
        cookies = b"mercato-access=" + self._bent(access).encode() + b"; mercato-refresh=" + refresh.encode()
        await self._call(
            _SIGN_OUT, {"all": False}, [("Cookie", cookies)], self._rng.choice(("/graphql", "/graphql/session"))
        )

    def _either(self, good: str) -> Any:
        return good if self._rng.random() < 0.5 else self._values.odd()

    def _bent(self, token: str) -> str:
        at = self._rng.randrange(len(token))
        return token[:at] + self._rng.choice("A.-_=") + token[at + self._rng.randrange(3) :]

    async def _call(
        self, query: str, variables: dict[str, Any], headers: Headers = (), path: str = "/graphql"
    ) -> dict[str, Any] | None:
        """The data, None where there is none."""
        body = encoded({"query": query, "variables": variables}).encode(errors="surrogatepass")
        given = [
            ("Content-Type", b"application/json"), ("Origin", self._origin.encode()),
            ("X-Forwarded-For", self._from), *headers,
        ]  # fmt: skip
        answer: Answer = await request(self._port, "POST", path.encode(), given, body)
        if answer.fault:
            self._faults.append(f"sign-in: {answer.fault}\n  sent {body[:1500]!r}")
            return None
        found = json.loads(answer.body)
        return found["data"] if "errors" not in found else None


def _bearer(token: str) -> Headers:
    return [("Authorization", b"Bearer " + token.encode())]
