// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// What a batch's proof is about. Digests are the 32 bytes that core shows: four 64-bit elements, low byte first.
struct PublicInputs {
    bytes32 programCommitment;
    bytes32 keySetDigest;
    uint32 protocolVersion;
    bytes32 output;
}

/// Verifies a batch's proof under one verifying key.
interface IVerifier {
    /// Whether the verifying key was made from a setup that its maker could forge with.
    function insecureTest() external view returns (bool);

    /// Whether the proof shows exactly these public inputs. May revert instead of returning false.
    function verify(PublicInputs calldata inputs, bytes calldata proof) external view returns (bool);
}
