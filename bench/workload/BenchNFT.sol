// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ERC721A} from "erc721a/contracts/ERC721A.sol";

/// @title The collection of the indexing benchmark: anyone may mint any number of tokens to anyone.
contract BenchNFT is ERC721A {
    constructor() ERC721A("Bench", "BNCH") {}

    function mint(address to, uint256 quantity) external {
        _mint(to, quantity);
    }

    function _startTokenId() internal pure override returns (uint256) {
        return 1;
    }
}
