// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {ERC1155Upgradeable} from "@openzeppelin/contracts-upgradeable/token/ERC1155/ERC1155Upgradeable.sol";
import {
    ERC1155BurnableUpgradeable
} from "@openzeppelin/contracts-upgradeable/token/ERC1155/extensions/ERC1155BurnableUpgradeable.sol";
import {
    ERC1155SupplyUpgradeable
} from "@openzeppelin/contracts-upgradeable/token/ERC1155/extensions/ERC1155SupplyUpgradeable.sol";
import {
    ERC1155URIStorageUpgradeable
} from "@openzeppelin/contracts-upgradeable/token/ERC1155/extensions/ERC1155URIStorageUpgradeable.sol";
import {CollectionBase} from "./CollectionBase.sol";
import {CollectionInit, MintConfig} from "./CollectionTypes.sol";

/// @title An ERC-1155 collection whose token ids each have their own mint terms, or else those of the collection.
contract Collection1155 is
    ERC1155SupplyUpgradeable,
    ERC1155BurnableUpgradeable,
    ERC1155URIStorageUpgradeable,
    CollectionBase
{
    /// @notice This id stands for the whole collection in events and in `setMintConfig` and cannot be minted.
    error ReservedTokenId(uint256 id);

    /// @notice Name of the collection.
    string public name;

    /// @notice Short name of the collection.
    string public symbol;

    /// @dev The default terms stand under WHOLE_COLLECTION.
    mapping(uint256 id => MintConfig) private _configs;
    mapping(uint256 id => bool) private _hasConfig;
    mapping(uint256 id => uint256) private _minted;
    mapping(uint256 id => mapping(address account => uint256)) private _mintedBy;

    /// @notice Works once, by the factory, in the transaction that creates the clone.
    function initialize(address creator, CollectionInit calldata init) external initializer {
        name = init.name;
        symbol = init.symbol;
        _initializeCollection(creator, init);
        _storeMintConfig(WHOLE_COLLECTION, init.mintConfig);
    }

    /// @notice Mints `amount` of token `id` to `to` under its mint terms; the caller pays and is counted.
    /// @param proof Merkle proof of the caller; empty when there is no allowlist.
    function mint(address to, uint256 id, uint256 amount, bytes32[] calldata proof) external payable nonReentrant {
        // 64 bits keep price times amount inside 256 and are what maxSupply can hold.
        _checkQuantity(amount, type(uint64).max);
        MintConfig storage config = _configOf(id);
        uint256 alreadyMinted = _mintedBy[id][msg.sender];
        _checkCaller(config, alreadyMinted, amount, proof);
        _countMint(config, id, amount);
        _takePayment(config, amount);
        _mintedBy[id][msg.sender] = alreadyMinted + amount;
        emit Minted(msg.sender, to, id, amount, msg.value);
        _mint(to, id, amount, "");
    }

    /// @notice Mints for free, outside time, allowlist and wallet limit; `maxSupply` still holds.
    function airdrop(address to, uint256 id, uint256 amount) external nonReentrant onlyRole(MINTER_ROLE) {
        _checkQuantity(amount, type(uint64).max);
        _countMint(_configOf(id), id, amount);
        _mint(to, id, amount, "");
    }

    /// @notice Airdrops several ids in one TransferBatch (one id alone gives a TransferSingle).
    function airdropBatch(
        address to,
        uint256[] calldata ids,
        uint256[] calldata amounts
    ) external nonReentrant onlyRole(MINTER_ROLE) {
        _checkQuantity(ids.length, MAX_BATCH);
        if (ids.length != amounts.length) revert ERC1155InvalidArrayLength(ids.length, amounts.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            _checkQuantity(amounts[i], type(uint64).max);
            _countMint(_configOf(ids[i]), ids[i], amounts[i]);
        }
        _mintBatch(to, ids, amounts, "");
    }

    /// @notice Gives token `id` mint terms of its own; type(uint256).max replaces the default of the collection.
    function setMintConfig(uint256 id, MintConfig calldata config) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _storeMintConfig(id, config);
    }

    /// @notice Gives token `id` a metadata URI of its own; an empty one falls back to the base again.
    function setTokenURI(uint256 id, string calldata tokenURI) external onlyRole(METADATA_ROLE) {
        _setURI(id, tokenURI);
        emit MetadataUpdate(id);
    }

    /// @notice The mint terms in force for token `id`; type(uint256).max asks for the default.
    function mintConfig(uint256 id) external view returns (MintConfig memory) {
        return _configs[_hasConfig[id] ? id : WHOLE_COLLECTION];
    }

    /// @notice Amount of token `id` ever minted, burned included.
    function totalMinted(uint256 id) external view returns (uint256) {
        return _minted[id];
    }

    /// @notice Amount of token `id` that `account` has minted by public mints, whoever received it.
    function mintedBy(uint256 id, address account) external view returns (uint256) {
        return _mintedBy[id][account];
    }

    /// @notice ERC-1155 metadata: the id's own URI, else the base; clients put the id in the place of "{id}".
    function uri(
        uint256 id
    ) public view override(ERC1155Upgradeable, ERC1155URIStorageUpgradeable) returns (string memory) {
        string memory own = super.uri(id);
        return bytes(own).length == 0 ? baseURI() : own;
    }

    /// @notice ERC-165.
    function supportsInterface(
        bytes4 interfaceId
    ) public view override(ERC1155Upgradeable, CollectionBase) returns (bool) {
        return super.supportsInterface(interfaceId);
    }

    /// @dev Keeps the supply per id.
    function _update(
        address from,
        address to,
        uint256[] memory ids,
        uint256[] memory values
    ) internal override(ERC1155Upgradeable, ERC1155SupplyUpgradeable) {
        super._update(from, to, ids, values);
    }

    /// @dev The terms a mint of `id` is held to.
    function _configOf(uint256 id) private view returns (MintConfig storage) {
        if (id == WHOLE_COLLECTION) revert ReservedTokenId(id);
        return _configs[_hasConfig[id] ? id : WHOLE_COLLECTION];
    }

    function _countMint(MintConfig storage config, uint256 id, uint256 amount) private {
        uint256 minted = _minted[id];
        _checkSupply(config, minted, amount);
        _minted[id] = minted + amount;
    }

    function _storeMintConfig(uint256 id, MintConfig calldata config) private {
        _configs[id] = config;
        _hasConfig[id] = true;
        _announceMintConfig(id, config);
    }
}
