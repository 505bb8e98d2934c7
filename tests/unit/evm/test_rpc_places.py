"""Where a node may be."""

from __future__ import annotations

import ipaddress

import pytest

from mercato.evm.rpc import EndpointNotAllowed, check_place


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.170.2", "fe80::1%eth0", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
        "fd00:42::42", "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1", "ff02::1", "0.0.0.0", "0.0.0.7",
        "::", "255.255.255.255", "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::6464:64c8", "2002:a9fe:a9fe::1", "::ffff:0.0.0.0",
    ],
)  # fmt: skip
def test_no_node_is_where_only_a_clouds_credentials_can_be(address: str) -> None:
    with pytest.raises(EndpointNotAllowed) as caught:
        check_place(ipaddress.ip_address(address))
    assert caught.value.reason == "ENDPOINT_NOT_ALLOWED"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "100.64.0.1", "fd12::1", "93.184.216.34", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "2606:4700::1111",
    ],
)  # fmt: skip
def test_an_operators_own_networks_are_allowed(address: str) -> None:
    check_place(ipaddress.ip_address(address))
