// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SnarkVerifier} from "./SnarkVerifier.sol";
import {TestChainOnly} from "./TestChainOnly.sol";

/// A SnarkVerifier for keys of a setup that its maker could forge with: neither an Executor takes it nor a chain with value.
contract InsecureTestSnarkVerifier is TestChainOnly, SnarkVerifier {
    constructor(bytes memory key) SnarkVerifier(key) {}

    function mark() public pure override returns (bytes32) {
        return "insecure-test";
    }

    function insecureTest() external pure override returns (bool) {
        return true;
    }
}
