// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVerifier, PublicInputs} from "./IVerifier.sol";

/// For tests of the Executor alone: a "proof" is the Keccak-256 hash of the public inputs, which anybody can make.
contract ComparingVerifier is IVerifier {
    bool public immutable insecureTest;

    constructor(bool insecureTest_) {
        insecureTest = insecureTest_;
    }

    function verify(PublicInputs calldata inputs, bytes calldata proof) external pure returns (bool) {
        return keccak256(abi.encode(keccak256(abi.encode(inputs)))) == keccak256(proof);
    }
}
