// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

/// @notice The terms of a public mint. A zero means "no limit" for every field but `price`, where it means "free".
/// @param price Wei per token, paid exactly.
/// @param maxSupply Most tokens ever minted, airdrops included; a burned token does not free its place. 0: no cap.
/// @param perWalletLimit Most tokens one caller may mint in public mints over the whole life of the collection (of the
///        token id in ERC-1155); airdrops do not count. 0: no limit.
/// @param startsAt First second (Unix time) at which minting is allowed. 0: at once. 2^64-1: closed.
/// @param endsAt First second (Unix time) at which minting is over. 0: never.
/// @param allowlistRoot Merkle root over the accounts allowed to mint. 0: everyone.
/// @param payee Who may receive what is paid; must not be zero when `price` is not.
struct MintConfig {
    uint128 price;
    uint64 maxSupply;
    uint32 perWalletLimit;
    uint64 startsAt;
    uint64 endsAt;
    bytes32 allowlistRoot;
    address payee;
}

/// @notice What a new collection is made of.
/// @param name Name of the collection.
/// @param symbol Short name of the collection.
/// @param baseURI Where token metadata is; each collection contract says how it is read.
/// @param contractURI Where the metadata of the collection itself is (ERC-7572).
/// @param royaltyReceiver Who royalties go to (ERC-2981); zero together with `royaltyBps` zero means none.
/// @param royaltyBps Royalty in hundredths of a percent of the sale price, at most 10,000.
/// @param mintConfig Terms of the public mint; for ERC-1155 the default of every token id.
struct CollectionInit {
    string name;
    string symbol;
    string baseURI;
    string contractURI;
    address royaltyReceiver;
    uint96 royaltyBps;
    MintConfig mintConfig;
}
