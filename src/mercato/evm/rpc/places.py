"""Where a node may be: the one rule, held when an endpoint is registered and whenever one is dialled."""

from __future__ import annotations

import ipaddress

from mercato.kit.dialing import IpAddress, inner
from mercato.kit.errors import InvalidArgument

_NO_NODE = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",  # this network
            "255.255.255.255/32",  # everybody
            "100.100.100.200/32",  # Alibaba Cloud's metadata
            "168.63.129.16/32",  # Azure's agent
            "192.0.0.192/32",  # Oracle Cloud's, of old
            "fd00:ec2::/32",  # Amazon's metadata, credentials and time
            "fd20:ce::254/128",  # Google Cloud's metadata
            "fd00:42::42/128",  # Scaleway's metadata
        ),
    )
)


class EndpointNotAllowed(InvalidArgument):
    """An endpoint's host is at an address where no node may be; nothing was sent there."""


def check_place(address: IpAddress) -> None:
    """Whether a node may be at an address. An operator's own networks are allowed, this machine included, for there own
    nodes are. Not allowed is where no node can be but a cloud's credentials can, and what means no single host.

    Raises `EndpointNotAllowed` ENDPOINT_NOT_ALLOWED.
    """
    found = inner(address)
    named = any(found in network for network in _NO_NODE)
    if named or found.is_link_local or found.is_multicast or found.is_unspecified:
        raise EndpointNotAllowed(
            "ENDPOINT_NOT_ALLOWED",
            "the endpoint's host is a link-local, multicast or unspecified address, or a cloud's own; name a node",
        )
