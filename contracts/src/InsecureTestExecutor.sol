// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Executor} from "./Executor.sol";
import {TestChainOnly} from "./TestChainOnly.sol";

/// An Executor whose proofs rest on a setup that its maker could forge with: for development and test networks only.
contract InsecureTestExecutor is TestChainOnly, Executor {
    constructor(
        address owner_,
        address validator,
        uint64 chainId,
        bytes32 genesisRoot,
        uint64 genesisTimestamp,
        Rules memory first,
        uint64 leastNotice_
    ) Executor(owner_, validator, chainId, genesisRoot, genesisTimestamp, first, leastNotice_) {}

    function insecureTest() public pure override returns (bool) {
        return true;
    }
}
