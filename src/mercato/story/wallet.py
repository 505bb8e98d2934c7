"""A wallet as a browser has one: it signs messages (EIP-191) and EIP-1559 transactions, and tells nobody its key."""

from __future__ import annotations

from typing import Any

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from mercato.kit.ids import Address


class Wallet:
    """A key of its own, fresh unless given."""

    def __init__(self, private_key: str | None = None) -> None:
        self._account: LocalAccount = Account.from_key(private_key) if private_key else Account.create()
        self.address = Address.parse(self._account.address)

    def sign_message(self, text: str) -> str:
        """`personal_sign`: 65 bytes as 0x-hex."""
        return "0x" + bytes(self._account.sign_message(encode_defunct(text=text)).signature).hex()

    def sign_transaction(self, unsigned: dict[str, Any], nonce: int) -> tuple[bytes, str]:
        """(raw transaction, its hash) from what a prepare mutation gave and the account's nonce."""
        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": unsigned["chainNumber"],
                "nonce": nonce,
                "to": unsigned["to"],
                "data": unsigned["data"],
                "value": int(unsigned["value"]),
                "gas": int(unsigned["gasLimit"]),
                "maxFeePerGas": int(unsigned["maxFeePerGas"]),
                "maxPriorityFeePerGas": int(unsigned["maxPriorityFeePerGas"]),
            }
        )
        return bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()
