// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {CollectionInit, MintConfig} from "./CollectionTypes.sol";

/// @title What both kinds of collection announce, refuse and share.
interface ICollection {
    /// @notice The mint terms changed.
    /// @param id A token id, or type(uint256).max for the whole collection (always so in ERC-721).
    event MintConfigSet(uint256 indexed id, MintConfig config);

    /// @notice The collection-wide ERC-2981 royalty changed. Zero receiver: no royalty.
    event DefaultRoyaltySet(address receiver, uint96 bps);

    /// @notice Tokens were sold by a public mint; comes before the transfer logs of the same call.
    /// @param minter Who called and paid.
    /// @param to Who receives the tokens.
    /// @param id The token id, in ERC-721 the first of `quantity` consecutive ones.
    /// @param quantity How many tokens.
    /// @param paid Wei paid for all of them.
    event Minted(address indexed minter, address indexed to, uint256 indexed id, uint256 quantity, uint256 paid);

    /// @notice What a payee had earned was paid out.
    event ProceedsWithdrawn(address indexed payee, uint256 amount);

    /// @notice The base of token metadata changed after creation; comes with BatchMetadataUpdate.
    event BaseURISet(string baseURI);

    /// @notice The collection's own metadata moved after creation; comes with ContractURIUpdated.
    event ContractURISet(string contractURI);

    /// @notice ERC-7572: the collection's own metadata changed.
    event ContractURIUpdated();

    /// @notice ERC-4906: the metadata of one token changed.
    event MetadataUpdate(uint256 _tokenId);

    /// @notice ERC-4906: the metadata of a range of tokens changed.
    event BatchMetadataUpdate(uint256 _fromTokenId, uint256 _toTokenId);

    /// @notice Nothing was asked for.
    error ZeroQuantity();

    /// @notice One call may ask for `limit` at most.
    error QuantityTooLarge(uint256 limit, uint256 requested);

    /// @notice The public mint opens at `startsAt` (Unix time).
    error SaleNotStarted(uint256 startsAt);

    /// @notice The public mint was over at `endsAt` (Unix time).
    error SaleEnded(uint256 endsAt);

    /// @notice The proof does not show `account` in the allowlist.
    error NotOnAllowlist(address account);

    /// @notice The caller may mint `limit` in all; `requested` more would pass it.
    error WalletLimitReached(uint256 limit, uint256 requested);

    /// @notice There may be `maxSupply` tokens in all; `requested` more would pass it.
    error SoldOut(uint256 maxSupply, uint256 requested);

    /// @notice Exactly `expected` wei are due.
    error WrongPayment(uint256 expected, uint256 sent);

    /// @notice A mint must end after it starts.
    error InvalidSaleWindow(uint256 startsAt, uint256 endsAt);

    /// @notice A mint that costs `price` needs somebody to receive it.
    error PayeeMissing(uint256 price);

    /// @notice `payee` has earned nothing since the last withdrawal.
    error NothingToWithdraw(address payee);

    /// @notice `payee` did not take the money; it stays withdrawable.
    error PaymentRefused(address payee, uint256 amount);

    /// @notice The owner is always an admin; transfer the ownership instead.
    error OwnerKeepsAdminRole(address owner);

    /// @notice Makes a fresh clone a collection of `creator`; works once.
    function initialize(address creator, CollectionInit calldata init) external;

    /// @notice ERC-7572: where the metadata of the collection itself is.
    function contractURI() external view returns (string memory);
}
