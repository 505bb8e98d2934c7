"""Topic constants against literal values known from the chain, and each other."""

from __future__ import annotations

import pytest

from mercato.evm import topics

KNOWN = {
    "TRANSFER": "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
    "APPROVAL": "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925",
    "APPROVAL_FOR_ALL": "0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31",
    "TRANSFER_SINGLE": "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62",
    "TRANSFER_BATCH": "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb",
    "URI": "0x6bb7ff708619ba0610cba295a58592e0451dee2622938c8755667688daf3529b",
    "CONSECUTIVE_TRANSFER": "0xdeaa91b6123d068f5821d0fb0678463d1a8a6079fe8af5de3ce5e896dcf9133d",
    "METADATA_UPDATE": "0xf8e1a15aba9398e019f0b49df1a4fde98ee17ae345cb5f6b5e2c27f5033e8ce7",
    "BATCH_METADATA_UPDATE": "0x6bd5c950a8d8df17f772f5af37cb3655737899cbf903264b9795592da439661c",
    "CONTRACT_URI_UPDATED": "0xa5d4097edda6d87cb9329af83fb3712ef77eeb13738ffe43cc35a4ce305ad962",
    "OWNERSHIP_TRANSFERRED": "0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0",
    "ROLE_GRANTED": "0x2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d",
    "ROLE_REVOKED": "0xf6391f5c32d9c69d2a47ea670b442974b53935d1edc7fd64eb21e047a839171b",
    "COLLECTION_CREATED": "0x6441524fae63f6a4ea04193763d0714843939926c19a8e0e392a08a555628682",
    "MINT_CONFIG_SET": "0x2c5921f1a203873a48a94f57d56739e9723d055407811ea69040a9d3976b06e5",
    "DEFAULT_ROYALTY_SET": "0x8a8bae378cb731c5c40b632330c6836c2f916f48edb967699c86736f9a6a76ef",
    "ORDER_FULFILLED": "0x9d9af8e38d66c62e2c12f0225249fd9d721c54b83f48d9352c97c6cacdcb6f31",
    "ORDER_CANCELLED": "0x6bacc01dbe442496068f7d234edd811f1a5f833243e0aec824f86ab861f3c90d",
    "ORDER_VALIDATED": "0xf280791efe782edcf06ce15c8f4dff17601db3b88eb3805a0db7d77faf757f04",
    "ORDERS_MATCHED": "0x4b9f2d36e1b4c93de62cc077b00b1a91d84b6c31b4a14e012718dcca230689e7",
    "COUNTER_INCREMENTED": "0x721c20121297512b72821b97f5326877ea8ecf4bb9948fea5bfcb6453074d37f",
}


@pytest.mark.parametrize(("name", "value"), KNOWN.items())
def test_topic_derived_from_its_signature_is_the_known_one(name: str, value: str) -> None:
    assert getattr(topics, name) == value


def test_no_topic_constant_goes_unchecked() -> None:
    constants = {name for name, value in vars(topics).items() if name.isupper() and isinstance(value, str)}

    assert constants == KNOWN.keys()


def test_filters_hold_every_topic_once() -> None:
    asked = topics.FACTORY_TOPICS + topics.COLLECTION_TOPICS + topics.SEAPORT_TOPICS

    assert sorted(asked) == sorted(KNOWN.values())
