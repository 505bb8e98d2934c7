// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";

/// @title For tests: receives tokens and, when armed, calls back into whoever sent them.
contract ReentrantMinter is IERC721Receiver, ERC1155Holder {
    bytes private _armed;

    receive() external payable {}

    /// @notice From now on each received token makes one call of its sender with this data.
    function arm(bytes calldata data) external {
        _armed = data;
    }

    /// @notice Makes any call; what it reverts with is passed on.
    function execute(address target, bytes calldata data) external payable {
        _call(target, msg.value, data);
    }

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        _strike();
        return IERC721Receiver.onERC721Received.selector;
    }

    function onERC1155Received(
        address operator,
        address from,
        uint256 id,
        uint256 value,
        bytes memory data
    ) public override returns (bytes4) {
        _strike();
        return super.onERC1155Received(operator, from, id, value, data);
    }

    function _strike() private {
        if (_armed.length != 0) _call(msg.sender, 0, _armed);
    }

    function _call(address target, uint256 value, bytes memory data) private {
        (bool ok, bytes memory answer) = target.call{value: value}(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(answer, 32), mload(answer))
        }
    }
}
