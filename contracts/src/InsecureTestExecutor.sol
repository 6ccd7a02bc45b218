// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Executor} from "./Executor.sol";

/// An Executor whose proofs rest on a setup that its maker could forge with: for development and test networks only.
contract InsecureTestExecutor is Executor {
    error ProductionChain(uint256 chainId);

    constructor(
        address owner_,
        address validator,
        uint64 chainId,
        bytes32 genesisRoot,
        uint64 genesisTimestamp,
        Rules memory first
    ) Executor(owner_, validator, chainId, genesisRoot, genesisTimestamp, first) {
        if (!_isTestChain(block.chainid)) revert ProductionChain(block.chainid);
    }

    function insecureTest() public pure override returns (bool) {
        return true;
    }

    /// Every chain that is not listed here counts as one with value.
    function _isTestChain(uint256 id) private pure returns (bool) {
        return id == 1337 || id == 31337 // local development nodes
            || id == 131277322940537 // eth-tester
            || id == 17000 || id == 560048 || id == 11155111; // Holesky, Hoodi, Sepolia
    }
}
