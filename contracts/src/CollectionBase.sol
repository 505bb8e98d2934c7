// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {AccessControlUpgradeable} from "@openzeppelin/contracts-upgradeable/access/AccessControlUpgradeable.sol";
import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {ERC2981Upgradeable} from "@openzeppelin/contracts-upgradeable/token/common/ERC2981Upgradeable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {CollectionInit, MintConfig} from "./CollectionTypes.sol";
import {ICollection} from "./ICollection.sol";

/// @title What a collection is, whatever its token standard: owner, roles, royalty, metadata, mint terms, proceeds.
/// @dev Lives behind EIP-1167 clones, which are never upgraded, so plain storage is safe.
abstract contract CollectionBase is
    ICollection,
    AccessControlUpgradeable,
    OwnableUpgradeable,
    ERC2981Upgradeable,
    ReentrancyGuardTransient
{
    /// @notice May airdrop.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @notice May change where metadata is.
    bytes32 public constant METADATA_ROLE = keccak256("METADATA_ROLE");

    /// @notice Most ERC-721 tokens, or ERC-1155 ids, in one call: keeps a call well below a block's gas.
    uint256 public constant MAX_BATCH = 100;

    /// @dev Stands for the whole collection where an event carries a token id.
    uint256 internal constant WHOLE_COLLECTION = type(uint256).max;

    bytes4 private constant ERC173_ID = 0x7f5828d0;
    bytes4 private constant ERC4906_ID = 0x49064906;
    bytes4 private constant ERC7572_ID = 0xe8a3d485;

    string private _base;
    string private _contractURI;
    mapping(address payee => uint256) private _proceeds;

    /// @dev A clone copies no storage: only the implementation itself is closed here.
    constructor() {
        _disableInitializers();
    }

    /// @notice Where token metadata is.
    function baseURI() public view returns (string memory) {
        return _base;
    }

    /// @inheritdoc ICollection
    function contractURI() external view returns (string memory) {
        return _contractURI;
    }

    /// @notice Wei that `withdraw` would pay to `payee` now.
    function proceedsOf(address payee) external view returns (uint256) {
        return _proceeds[payee];
    }

    /// @notice Moves the base of token metadata.
    function setBaseURI(string calldata newBaseURI) external onlyRole(METADATA_ROLE) {
        _base = newBaseURI;
        emit BaseURISet(newBaseURI);
        emit BatchMetadataUpdate(0, type(uint256).max);
    }

    /// @notice Moves the collection's own metadata (ERC-7572).
    function setContractURI(string calldata newContractURI) external onlyRole(METADATA_ROLE) {
        _contractURI = newContractURI;
        emit ContractURISet(newContractURI);
        emit ContractURIUpdated();
    }

    /// @notice Sets the ERC-2981 royalty of every token; zero receiver and zero `bps` remove it.
    function setDefaultRoyalty(address receiver, uint96 bps) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _storeRoyalty(receiver, bps);
    }

    /// @notice Pays `payee` what it earned. Anyone may call, so that a payee which is a contract needs no code for it.
    /// @dev Money waits here instead of being forwarded by the mint: a payee that reverts or burns gas can stop its own
    ///      withdrawal only, never the mint of others.
    /// @return amount Wei paid.
    function withdraw(address payee) external nonReentrant returns (uint256 amount) {
        amount = _proceeds[payee];
        if (amount == 0) revert NothingToWithdraw(payee);
        _proceeds[payee] = 0;
        emit ProceedsWithdrawn(payee, amount);
        (bool taken, ) = payee.call{value: amount}("");
        if (!taken) revert PaymentRefused(payee, amount);
    }

    /// @notice ERC-165.
    function supportsInterface(
        bytes4 interfaceId
    ) public view virtual override(AccessControlUpgradeable, ERC2981Upgradeable) returns (bool) {
        return
            interfaceId == ERC173_ID ||
            interfaceId == ERC4906_ID ||
            interfaceId == ERC7572_ID ||
            super.supportsInterface(interfaceId);
    }

    /// @dev Shared part of `initialize`. The order of the logs is part of the interface: README.md lists it.
    function _initializeCollection(address creator, CollectionInit calldata init) internal onlyInitializing {
        __Ownable_init(creator);
        _grantRole(MINTER_ROLE, creator);
        _grantRole(METADATA_ROLE, creator);
        _storeRoyalty(init.royaltyReceiver, init.royaltyBps);
        _base = init.baseURI;
        _contractURI = init.contractURI;
    }

    /// @dev The owner is always an admin and loses that with the ownership, so owner() tells the truth to readers.
    function _transferOwnership(address newOwner) internal override {
        address previous = owner();
        super._transferOwnership(newOwner);
        if (newOwner != address(0)) _grantRole(DEFAULT_ADMIN_ROLE, newOwner);
        if (previous != newOwner && previous != address(0)) _revokeRole(DEFAULT_ADMIN_ROLE, previous);
    }

    /// @dev Refuses to take the admin role from the owner.
    function _revokeRole(bytes32 role, address account) internal override returns (bool) {
        if (role == DEFAULT_ADMIN_ROLE && account == owner()) revert OwnerKeepsAdminRole(account);
        return super._revokeRole(role, account);
    }

    /// @dev Refuses terms that no mint could meet; the caller stores them.
    function _announceMintConfig(uint256 id, MintConfig calldata config) internal {
        if (config.endsAt != 0 && config.endsAt <= config.startsAt) {
            revert InvalidSaleWindow(config.startsAt, config.endsAt);
        }
        if (config.price != 0 && config.payee == address(0)) revert PayeeMissing(config.price);
        emit MintConfigSet(id, config);
    }

    /// @dev Refuses none and too many.
    function _checkQuantity(uint256 quantity, uint256 limit) internal pure {
        if (quantity == 0) revert ZeroQuantity();
        if (quantity > limit) revert QuantityTooLarge(limit, quantity);
    }

    /// @dev Refuses a public mint by msg.sender outside the time, allowlist and wallet limit of `config`.
    ///      The caller is bound, not the recipient: nobody can use up the allowance of another.
    function _checkCaller(
        MintConfig storage config,
        uint256 alreadyMinted,
        uint256 quantity,
        bytes32[] calldata proof
    ) internal view {
        uint256 startsAt = config.startsAt;
        if (block.timestamp < startsAt) revert SaleNotStarted(startsAt);
        uint256 endsAt = config.endsAt;
        if (endsAt != 0 && block.timestamp >= endsAt) revert SaleEnded(endsAt);
        bytes32 root = config.allowlistRoot;
        if (root != bytes32(0) && !MerkleProof.verifyCalldata(proof, root, _leafOf(msg.sender))) {
            revert NotOnAllowlist(msg.sender);
        }
        uint256 limit = config.perWalletLimit;
        if (limit != 0 && alreadyMinted + quantity > limit) revert WalletLimitReached(limit, quantity);
    }

    /// @dev Refuses `quantity` more when `minted` exist already.
    function _checkSupply(MintConfig storage config, uint256 minted, uint256 quantity) internal view {
        uint256 maxSupply = config.maxSupply;
        if (maxSupply != 0 && minted + quantity > maxSupply) revert SoldOut(maxSupply, quantity);
    }

    /// @dev Takes exactly the price of `quantity` tokens and books it to the payee.
    function _takePayment(MintConfig storage config, uint256 quantity) internal {
        uint256 due = uint256(config.price) * quantity;
        if (msg.value != due) revert WrongPayment(due, msg.value);
        if (due != 0) _proceeds[config.payee] += due;
    }

    /// @dev Stores and announces the royalty; OpenZeppelin refuses a zero receiver and more than 10,000.
    function _storeRoyalty(address receiver, uint96 bps) private {
        if (receiver == address(0) && bps == 0) _deleteDefaultRoyalty();
        else _setDefaultRoyalty(receiver, bps);
        emit DefaultRoyaltySet(receiver, bps);
    }

    /// @dev Hashed twice, so that no inner node of the tree can pass for a leaf (OpenZeppelin merkle-tree form).
    function _leafOf(address account) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(account))));
    }
}
