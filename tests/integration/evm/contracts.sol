// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Logs and refuses whatever a test asks for.
contract Emitter {
    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    event TransferSingle(address indexed operator, address indexed from, address indexed to, uint256 id, uint256 value);

    error SoldOut(uint256 maxSupply, uint256 requested);

    function transfer(address to, uint256 tokenId) external {
        emit Transfer(msg.sender, to, tokenId);
    }

    function transferSingle(address to, uint256 id, uint256 value) external {
        emit TransferSingle(msg.sender, msg.sender, to, id, value);
    }

    function sell(uint256 requested) external pure {
        revert SoldOut(10, requested);
    }

    function complain() external pure {
        revert("not for sale");
    }

    function divide(uint256 by) external pure returns (uint256) {
        return 1 / by;
    }
}

/// @title A contract wallet (ERC-1271) that can also be nasty.
contract Wallet {
    address public owner;
    uint256 public mood;

    constructor(address owner_, uint256 mood_) {
        owner = owner_;
        mood = mood_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (mood == 1) revert("no");
        if (mood == 2) while (true) {}
        if (mood == 3) assembly {
            mstore(0, shl(224, 0x1626ba7e))
            revert(0, 32)
        }
        if (mood == 4) assembly {
            mstore(0, or(shl(224, 0x1626ba7e), 1))
            return(0, 32)
        }
        if (mood == 5) assembly {
            mstore(0, shl(224, 0x1626ba7e))
            return(0, 4)
        }
        (bytes32 r, bytes32 s, uint8 v) = (bytes32(signature[0:32]), bytes32(signature[32:64]), uint8(signature[64]));
        return ecrecover(digest, v, r, s) == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// @title Deploys wallets where ERC-6492 signatures expect them.
contract WalletFactory {
    function create(address owner, uint256 mood, bytes32 salt) external returns (address) {
        return address(new Wallet{salt: salt}(owner, mood));
    }

    function predict(address owner, uint256 mood, bytes32 salt) external view returns (address) {
        bytes32 codeHash = keccak256(abi.encodePacked(type(Wallet).creationCode, abi.encode(owner, mood)));
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), salt, codeHash)))));
    }
}

/// @title A wallet whose owner approves messages on chain, as a Safe does: the signature of an approved one is empty.
contract ApprovingWallet {
    address public owner = msg.sender;
    mapping(bytes32 => bool) public approved;

    function approve(bytes32 digest, bool yes) external {
        require(msg.sender == owner, "not the owner");
        approved[digest] = yes;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        require(signature.length == 0, "approve it on chain");
        return approved[digest] ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// @title Code that a plain account delegates to (EIP-7702): it lets a second key sign for the account.
contract Delegate {
    address public helper;

    function trust(address helper_) external {
        require(msg.sender == address(this), "only the account itself");
        helper = helper_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s, uint8 v) = (bytes32(signature[0:32]), bytes32(signature[32:64]), uint8(signature[64]));
        address signer = ecrecover(digest, v, r, s);
        return signer != address(0) && signer == helper ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}
