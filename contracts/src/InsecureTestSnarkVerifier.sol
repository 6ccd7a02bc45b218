// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SnarkVerifier} from "./SnarkVerifier.sol";

/// A SnarkVerifier for keys of a setup that its maker could forge with; an Executor does not take it.
contract InsecureTestSnarkVerifier is SnarkVerifier {
    constructor(bytes memory key) SnarkVerifier(key) {}

    function mark() public pure override returns (bytes32) {
        return "insecure-test";
    }

    function insecureTest() external pure override returns (bool) {
        return true;
    }
}
