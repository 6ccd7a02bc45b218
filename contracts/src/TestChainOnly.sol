// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A contract that can be deployed on development and test networks only.
abstract contract TestChainOnly {
    error ProductionChain(uint256 chainId);

    constructor() {
        if (!_isTestChain(block.chainid)) revert ProductionChain(block.chainid);
    }

    /// Every chain that is not listed here counts as one with value.
    function _isTestChain(uint256 id) private pure returns (bool) {
        return id == 1337 || id == 31337 // local development nodes
            || id == 131277322940537 // eth-tester
            || id == 17000 || id == 560048 || id == 11155111; // Holesky, Hoodi, Sepolia
    }
}
