// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// BN254 by the EVM's precompiles (EIP-196, EIP-197, EIP-198): what they return is checked, success and length.
library Bn254 {
    error PrecompileFailed(uint256 which);

    /// A point that is added to, and room for the precompiles behind it.
    struct Sum {
        uint256 x;
        uint256 y;
        uint256 termX;
        uint256 termY;
        uint256 factor;
    }

    /// Order of the groups.
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// Modulus of the base field.
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    // The generator of G2.
    uint256 private constant H_X_IMAGINARY =
        11559732032986387107991004021392285783925812861821192530917403151452391805634;
    uint256 private constant H_X_REAL = 10857046999023057135944570762232829481370756359578518086990519993285655852781;
    uint256 private constant H_Y_IMAGINARY =
        4082367875863433681332203403145435568316851327593401208105741076214120093531;
    uint256 private constant H_Y_REAL = 8495653923123431417604973247489272438418190587263600148770280649306958101930;

    /// Whether (x, y) is a point of G1 other than infinity, written in the one way there is.
    function isOnCurve(uint256 x, uint256 y) internal pure returns (bool) {
        if (x >= Q || y >= Q) return false;
        return mulmod(y, y, Q) == addmod(mulmod(mulmod(x, x, Q), x, Q), 3, Q);
    }

    /// sum += factor * (x, y)
    function add(Sum memory sum, uint256 x, uint256 y, uint256 factor) internal view {
        bool done;
        uint256 which = 7;
        assembly ("memory-safe") {
            let term := add(sum, 0x40)
            mstore(term, x)
            mstore(add(term, 0x20), y)
            mstore(add(term, 0x40), factor)
            done := staticcall(gas(), 7, term, 0x60, term, 0x40)
            done := and(done, eq(returndatasize(), 0x40))
            if done {
                which := 6
                done := staticcall(gas(), 6, sum, 0x80, sum, 0x40)
                done := and(done, eq(returndatasize(), 0x40))
            }
        }
        if (!done) revert PrecompileFailed(which);
    }

    /// Whether e(left, second) = e(right, generator of G2).
    function pairingsAgree(
        Sum memory left,
        uint256 xImaginary,
        uint256 xReal,
        uint256 yImaginary,
        uint256 yReal,
        Sum memory right
    ) internal view returns (bool) {
        uint256 minusY = left.y == 0 ? 0 : Q - left.y;
        return _pairing(
            [
                left.x, minusY, xImaginary, xReal, yImaginary, yReal,
                right.x, right.y, H_X_IMAGINARY, H_X_REAL, H_Y_IMAGINARY, H_Y_REAL
            ]
        );
    }

    /// Whether these are the coordinates of a point of G2 other than infinity: the precompile refuses all others.
    function isInGroup2(uint256 xImaginary, uint256 xReal, uint256 yImaginary, uint256 yReal)
        internal
        view
        returns (bool)
    {
        if ((xImaginary | xReal | yImaginary | yReal) == 0) return false;
        uint256[12] memory input =
            [0, 0, xImaginary, xReal, yImaginary, yReal, 0, 0, H_X_IMAGINARY, H_X_REAL, H_Y_IMAGINARY, H_Y_REAL];
        uint256[1] memory output;
        bool done;
        assembly ("memory-safe") {
            done := staticcall(200000, 8, input, 0x180, output, 0x20)
            done := and(done, eq(returndatasize(), 0x20))
        }
        return done && output[0] == 1;
    }

    /// base^exponent modulo R
    function power(uint256 base, uint256 exponent) internal view returns (uint256) {
        uint256[6] memory input = [32, 32, 32, base, exponent, R];
        bool done;
        assembly ("memory-safe") {
            done := staticcall(gas(), 5, input, 0xc0, input, 0x20)
            done := and(done, eq(returndatasize(), 0x20))
        }
        if (!done) revert PrecompileFailed(5);
        return input[0];
    }

    /// 1 / a modulo R, for a other than 0
    function inverse(uint256 a) internal view returns (uint256) {
        return power(a, R - 2);
    }

    function _pairing(uint256[12] memory input) private view returns (bool) {
        bool done;
        assembly ("memory-safe") {
            done := staticcall(gas(), 8, input, 0x180, input, 0x20)
            done := and(done, eq(returndatasize(), 0x20))
        }
        if (!done) revert PrecompileFailed(8);
        return input[0] == 1;
    }
}
