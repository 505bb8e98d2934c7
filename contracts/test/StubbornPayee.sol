// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.29;

/// @title For tests: a payee that refuses money until told otherwise, and tokens always.
contract StubbornPayee {
    bool private _willing;

    receive() external payable {
        require(_willing);
    }

    function relent() external {
        _willing = true;
    }
}
