// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {ERC721AUpgradeable} from "erc721a-upgradeable/contracts/ERC721AUpgradeable.sol";
import {CollectionBase} from "./CollectionBase.sol";
import {CollectionInit, MintConfig} from "./CollectionTypes.sol";

/// @title An ERC-721 collection with cheap batch mints; token ids count from 1.
contract Collection721 is ERC721AUpgradeable, CollectionBase {
    MintConfig private _config;

    /// @notice Works once, by the factory, in the transaction that creates the clone.
    function initialize(address creator, CollectionInit calldata init) external initializer initializerERC721A {
        __ERC721A_init(init.name, init.symbol);
        _initializeCollection(creator, init);
        _storeMintConfig(init.mintConfig);
    }

    /// @notice Mints `quantity` tokens to `to` under the mint terms; the caller pays and is counted.
    /// @param proof Merkle proof of the caller; empty when there is no allowlist.
    function mint(address to, uint256 quantity, bytes32[] calldata proof) external payable nonReentrant {
        _checkQuantity(quantity, MAX_BATCH);
        uint64 alreadyMinted = _getAux(msg.sender);
        _checkCaller(_config, alreadyMinted, quantity, proof);
        _checkSupply(_config, _totalMinted(), quantity);
        _takePayment(_config, quantity);
        // At most MAX_BATCH is added per call: 64 bits are never exceeded.
        _setAux(msg.sender, alreadyMinted + uint64(quantity));
        emit Minted(msg.sender, to, _nextTokenId(), quantity, msg.value);
        _safeMint(to, quantity);
    }

    /// @notice Mints for free, outside time, allowlist and wallet limit; `maxSupply` still holds.
    function airdrop(address to, uint256 quantity) external nonReentrant onlyRole(MINTER_ROLE) {
        _checkQuantity(quantity, MAX_BATCH);
        _checkSupply(_config, _totalMinted(), quantity);
        _safeMint(to, quantity);
    }

    /// @notice Destroys a token; for its owner, its approved account or an operator.
    function burn(uint256 tokenId) external {
        _burn(tokenId, true);
    }

    /// @notice Replaces the mint terms; what callers have minted so far stays counted.
    function setMintConfig(MintConfig calldata config) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _storeMintConfig(config);
    }

    /// @notice The mint terms.
    function mintConfig() external view returns (MintConfig memory) {
        return _config;
    }

    /// @notice Tokens ever minted, burned ones included.
    function totalMinted() external view returns (uint256) {
        return _totalMinted();
    }

    /// @notice Tokens `account` has minted by public mints, whoever received them.
    function mintedBy(address account) external view returns (uint256) {
        return _getAux(account);
    }

    /// @notice ERC-721 metadata. A base that ends in "/" is a folder and the id is appended; any other base is one
    ///         document that all tokens share.
    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        if (!_exists(tokenId)) revert URIQueryForNonexistentToken();
        string memory base = baseURI();
        uint256 length = bytes(base).length;
        if (length == 0 || bytes(base)[length - 1] != "/") return base;
        return string.concat(base, _toString(tokenId));
    }

    /// @notice ERC-721; the standard makes it payable, but value would be lost here and is refused.
    function approve(address to, uint256 tokenId) public payable override {
        if (msg.value != 0) revert WrongPayment(0, msg.value);
        super.approve(to, tokenId);
    }

    /// @notice ERC-721; the standard makes it payable, but value would be lost here and is refused.
    function transferFrom(address from, address to, uint256 tokenId) public payable override {
        if (msg.value != 0) revert WrongPayment(0, msg.value);
        super.transferFrom(from, to, tokenId);
    }

    /// @notice ERC-165.
    function supportsInterface(
        bytes4 interfaceId
    ) public view override(ERC721AUpgradeable, CollectionBase) returns (bool) {
        return ERC721AUpgradeable.supportsInterface(interfaceId) || CollectionBase.supportsInterface(interfaceId);
    }

    /// @dev Ids count from 1, so that 0 never names a token.
    function _startTokenId() internal pure override returns (uint256) {
        return 1;
    }

    function _storeMintConfig(MintConfig calldata config) private {
        _config = config;
        _announceMintConfig(WHOLE_COLLECTION, config);
    }
}
