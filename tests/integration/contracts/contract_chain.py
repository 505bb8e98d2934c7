"""A real anvil chain and the contracts on it, called over plain JSON-RPC and decoded by their ABI."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import decode, encode

from mercato.evm import artifacts
from mercato.kit.ids import keccak256

GAS = 8_000_000
"""Given to every transaction, so that one bound to revert is mined too instead of failing an estimate."""

ZERO = "0x" + "00" * 20

Abi = dict[str, Any]
Error = tuple[str, tuple[Any, ...]]


class RpcError(Exception):
    """A JSON-RPC error answer."""


class Reverted(Exception):
    """A mined transaction or a call that reverted; `error` is the decoded custom error."""

    def __init__(self, error: Error) -> None:
        super().__init__(f"{error[0]}{error[1]}")
        self.error = error


@dataclass(frozen=True)
class Log:
    """A decoded log; `args` stand in the order of the ABI."""

    address: str
    name: str
    args: tuple[Any, ...]


@dataclass(frozen=True)
class Receipt:
    """A mined transaction that succeeded."""

    logs: tuple[Log, ...]
    gas_used: int
    contract_address: str


def type_of(item: Abi) -> str:
    """The canonical type of an ABI parameter, tuples written out."""
    kind = str(item["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(type_of(part) for part in item['components'])}){kind[5:]}"


def signature_of(entry: Abi) -> str:
    """``name(type,…)`` of a function, event or error."""
    return f"{entry['name']}({','.join(type_of(item) for item in entry['inputs'])})"


@dataclass
class Chain:
    """One anvil; knows the events and errors of every contract it was taught."""

    port: int
    accounts: list[str] = field(default_factory=list)
    _events: dict[str, Abi] = field(default_factory=dict)
    _errors: dict[str, Abi] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def rpc(self, method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        self._connection.request("POST", "/", body, {"content-type": "application/json"})
        answer = json.loads(self._connection.getresponse().read())
        if "error" not in answer:
            return answer["result"]
        data = answer["error"].get("data")
        if isinstance(data, str) and len(data) >= 10:
            raise Reverted(self._decode_error(data))
        raise RpcError(answer["error"]["message"])

    def close(self) -> None:
        self._connection.close()

    def teach(self, artifact: artifacts.Artifact) -> None:
        """Makes the events and errors of a contract readable."""
        for entry in artifact.abi:
            if entry["type"] == "event":
                self._events["0x" + keccak256(signature_of(entry).encode()).hex()] = entry
            elif entry["type"] == "error":
                self._errors["0x" + keccak256(signature_of(entry).encode())[:4].hex()] = entry

    def deploy(self, name: str, sender: str | None = None) -> Contract:
        artifact = artifacts.load(name)
        self.teach(artifact)
        receipt = self.send({"data": "0x" + artifact.bytecode.hex()}, sender or self.accounts[0])
        return Contract(self, receipt.contract_address, artifact)

    def at(self, name: str, address: str) -> Contract:
        artifact = artifacts.load(name)
        self.teach(artifact)
        return Contract(self, address, artifact)

    def send(self, transaction: dict[str, Any], sender: str) -> Receipt:
        """Mines a transaction in a block of its own. Raises `Reverted` when its receipt says so."""
        tx_hash = self.rpc("eth_sendTransaction", {"from": sender, "gas": hex(GAS), **transaction})
        receipt = self._receipt(tx_hash)
        if receipt["status"] == "0x0":
            trace = self.rpc("debug_traceTransaction", tx_hash, {"tracer": "callTracer"})
            raise Reverted(self._decode_error(trace.get("output", "0x")))
        return Receipt(
            logs=tuple(self._decode_log(log) for log in receipt["logs"]),
            gas_used=int(receipt["gasUsed"], 16),
            contract_address=receipt["contractAddress"] or "",
        )

    def balance(self, account: str) -> int:
        return int(self.rpc("eth_getBalance", account, "latest"), 16)

    def code(self, account: str) -> bytes:
        return bytes.fromhex(self.rpc("eth_getCode", account, "latest")[2:])

    def now(self) -> int:
        """Unix time of the latest block."""
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def mine_next_at(self, timestamp: int) -> None:
        """The next block, that of the next transaction, gets this Unix time."""
        self.rpc("evm_setNextBlockTimestamp", timestamp)

    def _receipt(self, tx_hash: str) -> dict[str, Any]:
        """Anvil mines at once, but answers the sender before it has."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            receipt: dict[str, Any] | None = self.rpc("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            time.sleep(0.002)
        raise RuntimeError(f"{tx_hash} was not mined within 10 s")

    def _decode_error(self, data: str) -> Error:
        entry = self._errors.get(data[:10])
        if entry is None:
            return data, ()
        types = [type_of(item) for item in entry["inputs"]]
        return str(entry["name"]), tuple(decode(types, bytes.fromhex(data[10:])))

    def _decode_log(self, log: dict[str, Any]) -> Log:
        entry = self._events[log["topics"][0]]
        topics = iter(log["topics"][1:])
        plain = [type_of(item) for item in entry["inputs"] if not item["indexed"]]
        values = iter(decode(plain, bytes.fromhex(log["data"][2:])))
        args = tuple(
            decode([type_of(item)], bytes.fromhex(next(topics)[2:]))[0] if item["indexed"] else next(values)
            for item in entry["inputs"]
        )
        return Log(log["address"], str(entry["name"]), args)


@dataclass(frozen=True)
class Contract:
    """A contract at an address. Functions are named alone, or by signature where the name is overloaded."""

    chain: Chain
    address: str
    artifact: artifacts.Artifact

    def encode(self, function: str, *args: Any) -> str:
        entry = self._function(function)
        types = [type_of(item) for item in entry["inputs"]]
        data = keccak256(signature_of(entry).encode())[:4] + encode(types, args)
        return "0x" + bytes(data).hex()

    def call(self, function: str, *args: Any) -> Any:
        """Reads; one output comes bare, several as a tuple. Raises `Reverted`."""
        request = {"to": self.address, "data": self.encode(function, *args)}
        answer = bytes.fromhex(self.chain.rpc("eth_call", request, "latest")[2:])
        values = decode([type_of(item) for item in self._function(function)["outputs"]], answer)
        return values[0] if len(values) == 1 else values

    def send(self, function: str, *args: Any, sender: str, value: int = 0) -> Receipt:
        """Writes. Raises `Reverted`."""
        data = self.encode(function, *args)
        return self.chain.send({"to": self.address, "data": data, "value": hex(value)}, sender)

    def _function(self, wanted: str) -> Abi:
        functions = [entry for entry in self.artifact.abi if entry["type"] == "function"]
        (found,) = [entry for entry in functions if wanted in (entry["name"], signature_of(entry))]
        return found


@contextmanager
def running_anvil() -> Iterator[Chain]:
    """A fresh anvil on a free loopback port, stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(artifacts.anvil_path()), "--port", str(port), "--chain-id", "31337", "--accounts", "10"]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        chain = Chain(port)
        try:
            _wait_until_ready(chain, process)
            chain.accounts = [account.lower() for account in chain.rpc("eth_accounts")]
            yield chain
        finally:
            chain.close()
            process.terminate()
            process.wait(10)


def _wait_until_ready(chain: Chain, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"anvil ended at once with status {process.returncode}")
        try:
            chain.rpc("eth_chainId")
        except OSError:
            chain.close()
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("anvil did not answer within 20 s")
