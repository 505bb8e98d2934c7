"""Which ports a stack takes: well-known ones that can be moved, or a block that no other stack has."""

from __future__ import annotations

import pytest

from mercato.kit.settings import SERVICES, Settings
from mercato.stack.environment import with_port_overrides
from mercato.stack.errors import StackMisconfigured
from mercato.stack.ports import Ports, is_taken

CHAINS = (31337, 31338)


def test_default_ports_are_those_the_services_take_by_default() -> None:
    ports, plain = Ports.default(CHAINS), Settings.model_construct()
    assert {name: ports[f"grpc.{name}"] for name in SERVICES} == {name: plain.grpc_port(name) for name in SERVICES}
    assert {name: ports[f"ops.{name}"] for name in SERVICES} == {name: plain.ops_port(name) for name in SERVICES}
    assert (ports["postgres"], ports["rabbitmq"], ports["gateway"]) == (5432, 5672, 8080)
    assert ports.of("chain") == {"31337": 8545, "31338": 8546}


def test_default_ports_differ_and_lie_below_those_of_outgoing_connections() -> None:
    numbers = list(Ports.default(CHAINS).numbers.values())
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) < 32768


def test_an_offset_moves_every_port() -> None:
    plain, moved = Ports.default(CHAINS), Ports.default(CHAINS, 1000)
    assert {name: port + 1000 for name, port in plain.numbers.items()} == dict(moved.numbers)


@pytest.mark.parametrize("offset", [-5433, 60000])
def test_an_offset_out_of_range_is_refused(offset: int) -> None:
    with pytest.raises(StackMisconfigured, match="BAD_PORT_OFFSET"):
        Ports.default(CHAINS, offset)


def test_two_stacks_never_get_the_same_free_ports() -> None:
    held = [Ports.free(CHAINS) for _ in range(8)]
    try:
        numbers = [port for ports in held for port in ports.numbers.values()]
        assert len(set(numbers)) == len(numbers)
        assert not any(is_taken(port) for port in numbers)
    finally:
        for ports in held:
            ports.release()


def test_single_ports_can_be_moved_by_the_environment() -> None:
    env = {
        "MERCATO_PORTS": "postgres=5433, chain.31338=9545",
        "MERCATO_GRPC_PORTS": "auth=7001",
        "MERCATO_GATEWAY_PORT": "8090",
    }
    moved = with_port_overrides(Ports.default(CHAINS), env)
    changed = {name: port for name, port in moved.numbers.items() if port != Ports.default(CHAINS)[name]}
    assert changed == {"postgres": 5433, "chain.31338": 9545, "grpc.auth": 7001, "gateway": 8090}


@pytest.mark.parametrize("text", ["postgresql=5433", "postgres=", "postgres=five", "postgres=0", "postgres=70000"])
def test_a_port_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(StackMisconfigured, match=f"BAD_PORT: {text}"):
        with_port_overrides(Ports.default(CHAINS), {"MERCATO_PORTS": text})
