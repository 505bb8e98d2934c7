// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Collection1155} from "./Collection1155.sol";
import {Collection721} from "./Collection721.sol";
import {CollectionInit} from "./CollectionTypes.sol";
import {ICollection} from "./ICollection.sol";

/// @title Creates collections as EIP-1167 clones at addresses that creator, salt and standard alone decide (EIP-1014).
/// @dev Has no owner, no settings and takes no money. It deploys the two implementations itself, so a factory cannot
///      be set up with foreign ones, and one at the same address on two chains creates the same addresses on both.
contract CollectionFactory {
    /// @notice `standard` of an ERC-721 collection.
    uint8 public constant STANDARD_721 = 0;

    /// @notice `standard` of an ERC-1155 collection.
    uint8 public constant STANDARD_1155 = 1;

    /// @notice What every ERC-721 collection is a clone of.
    address public immutable implementation721;

    /// @notice What every ERC-1155 collection is a clone of.
    address public immutable implementation1155;

    /// @notice A collection came to be; comes before the logs that the collection writes while it is initialised.
    /// @param collection Its address.
    /// @param creator Who called the factory: owner and holder of all roles.
    /// @param standard 0: ERC-721, 1: ERC-1155.
    /// @param salt As the creator gave it.
    event CollectionCreated(
        address indexed collection,
        address indexed creator,
        uint8 indexed standard,
        bytes32 salt,
        string name,
        string symbol,
        string baseURI,
        string contractURI
    );

    /// @notice This creator has used this salt for this standard; take another salt.
    error CollectionAlreadyExists(address collection);

    /// @notice Only 0 (ERC-721) and 1 (ERC-1155) are known.
    error UnknownStandard(uint8 standard);

    constructor() {
        implementation721 = address(new Collection721());
        implementation1155 = address(new Collection1155());
    }

    /// @notice Creates an ERC-721 collection of the caller.
    function createCollection721(bytes32 salt, CollectionInit calldata init) external returns (address collection) {
        return _create(STANDARD_721, salt, init);
    }

    /// @notice Creates an ERC-1155 collection of the caller.
    function createCollection1155(bytes32 salt, CollectionInit calldata init) external returns (address collection) {
        return _create(STANDARD_1155, salt, init);
    }

    /// @notice The address a collection has or will have.
    function predictAddress(address creator, bytes32 salt, uint8 standard) public view returns (address) {
        return Clones.predictDeterministicAddress(_implementationOf(standard), _saltOf(creator, salt));
    }

    function _create(uint8 standard, bytes32 salt, CollectionInit calldata init) private returns (address collection) {
        address predicted = predictAddress(msg.sender, salt, standard);
        if (predicted.code.length != 0) revert CollectionAlreadyExists(predicted);
        collection = Clones.cloneDeterministic(_implementationOf(standard), _saltOf(msg.sender, salt));
        // Announced first, so that whoever reads the logs in order knows the address before its first log.
        emit CollectionCreated(
            collection,
            msg.sender,
            standard,
            salt,
            init.name,
            init.symbol,
            init.baseURI,
            init.contractURI
        );
        ICollection(collection).initialize(msg.sender, init);
    }

    /// @dev Bound to the creator, so that nobody can take an address that another was told.
    function _saltOf(address creator, bytes32 salt) private pure returns (bytes32) {
        return keccak256(abi.encode(creator, salt));
    }

    function _implementationOf(uint8 standard) private view returns (address) {
        if (standard == STANDARD_721) return implementation721;
        if (standard == STANDARD_1155) return implementation1155;
        revert UnknownStandard(standard);
    }
}
