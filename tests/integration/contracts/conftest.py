"""One anvil for all contract tests; every test starts from the same state, just after the factory was deployed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract_chain import Chain, Contract, running_anvil
from contract_terms import NAMES, Init, Sale, create


@pytest.fixture(scope="session")
def anvil() -> Iterator[Chain]:
    with running_anvil() as chain:
        for name in NAMES:
            chain.at(name, "0x")
        yield chain


@pytest.fixture(scope="session")
def deployed_factory(anvil: Chain) -> Contract:
    return anvil.deploy("CollectionFactory")


@pytest.fixture
def factory(anvil: Chain, deployed_factory: Contract) -> Iterator[Contract]:
    snapshot = anvil.rpc("evm_snapshot")
    yield deployed_factory
    anvil.rpc("evm_revert", snapshot)


@pytest.fixture
def chain(factory: Contract) -> Chain:
    return factory.chain


@pytest.fixture
def creator(chain: Chain) -> str:
    return chain.accounts[1]


@pytest.fixture
def alice(chain: Chain) -> str:
    return chain.accounts[2]


@pytest.fixture
def bob(chain: Chain) -> str:
    return chain.accounts[3]


@pytest.fixture
def payee(chain: Chain) -> str:
    return chain.accounts[4]


@pytest.fixture(params=[0, 1], ids=["erc721", "erc1155"])
def standard(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def sale(factory: Contract, creator: str, standard: int) -> Sale:
    """A collection of either standard whose mint is free and open."""
    return Sale(create(factory, standard, creator, Init()), standard, creator)
