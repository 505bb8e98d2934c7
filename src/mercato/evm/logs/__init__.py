"""From the logs of a node to facts: what happened, where in the chain, told apart by these rules.

========================  ======  ============  ========================================================
event                     topics  data (bytes)  becomes
========================  ======  ============  ========================================================
Transfer                  4       0             `TransferFact` of ERC-721
Transfer                  3       32            nothing: ERC-20
Transfer                  1, 2    any           `Undecodable`: from before arguments were indexed
Approval                  4       0             `TokenApprovalFact`; no owner: zero address
Approval                  3       32            nothing: ERC-20
ApprovalForAll            3       32            `ApprovalForAllFact`
TransferSingle            4       64            `TransferFact` of ERC-1155; amount 0 is legal
TransferBatch             4       2 arrays      one `TransferFact` for each id; arrays of one length
URI                       2       string        `MetadataRefreshFact` with the URI
ConsecutiveTransfer       4       32            `ConsecutiveTransferFact`, a range (ERC-2309)
MetadataUpdate            1       32            `MetadataRefreshFact` of one token (ERC-4906)
BatchMetadataUpdate       1       64            `MetadataRefreshFact` of a range (ERC-4906)
ContractURIUpdated        1       0             `MetadataRefreshFact` of the contract (ERC-7572)
OwnershipTransferred      3       0             `OwnershipFact`
RoleGranted, RoleRevoked  4       0             `RoleFact`
CollectionCreated         4       5 arguments   `CollectionCreatedFact`
MintConfigSet             2       224           `MintConfigFact`
DefaultRoyaltySet         1       64            `RoyaltyFact`
Seaport's five            any     any           `SeaportRaw`
anything else             –       –             nothing
========================  ======  ============  ========================================================

A log that breaks its rule gives `Undecodable` with a reason, never an exception: contracts may log anything.
Addresses in words must have zero padding, as the ABI demands; nothing is guessed.
"""

from mercato.evm.logs.decoding import decode
from mercato.evm.logs.facts import (
    ApprovalForAllFact,
    BlockRef,
    CollectionCreatedFact,
    ConsecutiveTransferFact,
    Fact,
    LogFact,
    MetadataRefreshFact,
    MintConfig,
    MintConfigFact,
    OwnershipFact,
    Position,
    RoleFact,
    RoyaltyFact,
    SeaportRaw,
    Standard,
    TokenApprovalFact,
    TransferFact,
    Undecodable,
    count_undecodable,
)
from mercato.evm.logs.raw import RawLog

__all__ = [
    "ApprovalForAllFact",
    "BlockRef",
    "CollectionCreatedFact",
    "ConsecutiveTransferFact",
    "Fact",
    "LogFact",
    "MetadataRefreshFact",
    "MintConfig",
    "MintConfigFact",
    "OwnershipFact",
    "Position",
    "RawLog",
    "RoleFact",
    "RoyaltyFact",
    "SeaportRaw",
    "Standard",
    "TokenApprovalFact",
    "TransferFact",
    "Undecodable",
    "count_undecodable",
    "decode",
]
