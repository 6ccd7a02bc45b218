// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bn254} from "./Bn254.sol";
import {IVerifier, PublicInputs} from "./IVerifier.sol";

/// Verifies SNARKs of one circuit: sections 4 to 7 of docs/snark.md, whose names are used here.
///
/// The key is given to the constructor as its 1,344 bytes and is part of the code from then on.
contract SnarkVerifier is IVerifier {
    error KeyLength(uint256 given);
    error KeyTag(bytes32 given);
    error KeyMark(bytes32 given);
    error KeyShape(uint256 rows, uint256 publicInputs);
    error KeyPoint(uint256 word);
    error ProofLength(uint256 given);
    error ProofMark(bytes32 given);
    error ProofPoint(uint256 word);
    error ProofValue(uint256 word);
    error PointInDomain();

    struct Challenges {
        uint256 beta; // B
        uint256 gamma; // C
        uint256 alpha; // A
        uint256 e;
        uint256 y;
        uint256 v;
        uint256 u;
    }

    /// What depends on the point and the public inputs alone.
    struct Domain {
        uint256 power; // Y^n
        uint256 vanishing; // Y^n - 1
        uint256 first; // L_0(Y)
        uint256 publics; // PI(Y)
    }

    /// What several factors share.
    struct Shared {
        uint256 s; // q_i + q_f + q_p
        uint256 e4;
        uint256 permuted; // z' (a + B s_0 + C)(b + B s_1 + C)(c + B s_2 + C)
        uint256 labelled; // (a + B Y + C)(b + 5 B Y + C)(c + 25 B Y + C)(d + 125 B Y + C)
        uint256 all; // D
        uint256 three; // S
        uint256 listed; // A + t
    }

    uint256 private constant R = Bn254.R;
    uint256 private constant KEY_WORDS = 42;
    uint256 private constant PROOF_WORDS = 45;
    uint256 private constant PUBLIC_INPUTS = 7;
    bytes32 private constant TAG = "hallmark-snark-1";

    // Words of a proof.
    uint256 private constant A = 25;
    uint256 private constant B = 26;
    uint256 private constant C = 27;
    uint256 private constant D = 28;
    uint256 private constant S_0 = 29;
    uint256 private constant S_1 = 30;
    uint256 private constant S_2 = 31;
    uint256 private constant T = 32;
    uint256 private constant Q_I = 33;
    uint256 private constant Q_F = 34;
    uint256 private constant Q_P = 35;
    uint256 private constant A_NEXT = 36;
    uint256 private constant B_NEXT = 37;
    uint256 private constant C_NEXT = 38;
    uint256 private constant Z_NEXT = 39;
    uint256 private constant P_NEXT = 40;

    // Constants of Poseidon2's first round.
    uint256 private constant K_0 = 0x1d066a255517b7fd8bddd3a93f7804ef7f8fcde48bb4c37a59a09a1a97052816;
    uint256 private constant K_1 = 0x29daefb55f6f2dc6ac3f089cebcc6120b7c6fef31367b68eb7238547d32c1610;
    uint256 private constant K_2 = 0x1f2cb1624a78ee001ecbd88ad959d7012572d76f08ec5c4f9e8b7ad7b0b4e1d1;

    /// Keccak-256 of the key.
    bytes32 public immutable keyDigest;

    uint256 private immutable logRows;
    uint256 private immutable root; // w
    uint256 private immutable rowsInverse;
    uint256 private immutable qAbX;
    uint256 private immutable qAbY;
    uint256 private immutable qCdX;
    uint256 private immutable qCdY;
    uint256 private immutable qAX;
    uint256 private immutable qAY;
    uint256 private immutable qBX;
    uint256 private immutable qBY;
    uint256 private immutable qCX;
    uint256 private immutable qCY;
    uint256 private immutable qDX;
    uint256 private immutable qDY;
    uint256 private immutable qNX;
    uint256 private immutable qNY;
    uint256 private immutable qKX;
    uint256 private immutable qKY;
    uint256 private immutable qRX;
    uint256 private immutable qRY;
    uint256 private immutable qIX;
    uint256 private immutable qIY;
    uint256 private immutable qFX;
    uint256 private immutable qFY;
    uint256 private immutable qPX;
    uint256 private immutable qPY;
    uint256 private immutable tX;
    uint256 private immutable tY;
    uint256 private immutable s0X;
    uint256 private immutable s0Y;
    uint256 private immutable s1X;
    uint256 private immutable s1Y;
    uint256 private immutable s2X;
    uint256 private immutable s2Y;
    uint256 private immutable s3X;
    uint256 private immutable s3Y;
    uint256 private immutable setupXImaginary; // [x]_2
    uint256 private immutable setupXReal;
    uint256 private immutable setupYImaginary;
    uint256 private immutable setupYReal;

    constructor(bytes memory key) {
        if (key.length != 32 * KEY_WORDS) revert KeyLength(key.length);
        uint256[KEY_WORDS] memory k = abi.decode(key, (uint256[42]));
        if (bytes32(k[0]) != TAG) revert KeyTag(bytes32(k[0]));
        if (bytes32(k[1]) != mark()) revert KeyMark(bytes32(k[1]));
        uint256 rows = k[2];
        bool power = rows != 0 && rows & (rows - 1) == 0;
        if (!power || rows < PUBLIC_INPUTS || rows > 1 << 28 || k[3] != PUBLIC_INPUTS) revert KeyShape(rows, k[3]);
        for (uint256 i = 4; i < 38; i += 2) {
            if ((k[i] | k[i + 1]) != 0 && !Bn254.isOnCurve(k[i], k[i + 1])) revert KeyPoint(i);
        }
        if (!Bn254.isInGroup2(k[38], k[39], k[40], k[41])) revert KeyPoint(38);
        uint256 log = 0;
        while (1 << log < rows) log++;
        keyDigest = keccak256(key);
        logRows = log;
        root = Bn254.power(5, (R - 1) / rows);
        rowsInverse = Bn254.inverse(rows);
        (qAbX, qAbY, qCdX, qCdY) = (k[4], k[5], k[6], k[7]);
        (qAX, qAY, qBX, qBY) = (k[8], k[9], k[10], k[11]);
        (qCX, qCY, qDX, qDY) = (k[12], k[13], k[14], k[15]);
        (qNX, qNY, qKX, qKY) = (k[16], k[17], k[18], k[19]);
        (qRX, qRY) = (k[20], k[21]);
        (qIX, qIY, qFX, qFY, qPX, qPY) = (k[22], k[23], k[24], k[25], k[26], k[27]);
        (tX, tY) = (k[28], k[29]);
        (s0X, s0Y, s1X, s1Y) = (k[30], k[31], k[32], k[33]);
        (s2X, s2Y, s3X, s3Y) = (k[34], k[35], k[36], k[37]);
        (setupXImaginary, setupXReal, setupYImaginary, setupYReal) = (k[38], k[39], k[40], k[41]);
    }

    /// Where the key's setup comes from: key and proof say the same.
    function mark() public pure virtual returns (bytes32) {
        return "production";
    }

    function insecureTest() external pure virtual returns (bool) {
        return false;
    }

    function verify(PublicInputs calldata inputs, bytes calldata proof) external view returns (bool) {
        if (proof.length != 32 * PROOF_WORDS) revert ProofLength(proof.length);
        uint256[PROOF_WORDS] calldata w;
        assembly ("memory-safe") {
            w := proof.offset
        }
        _check(w);
        uint256[PUBLIC_INPUTS] memory publics = _publicInputs(inputs);
        Challenges memory h = _draw(publics, proof);
        Domain memory domain = _domain(h.y, publics);
        Shared memory shared = _shared(w, h);
        uint256 constant_ = _constant(w, h, domain, shared);
        Bn254.Sum memory sum = _linearisation(w, h, domain, shared);
        _openings(sum, w, h, constant_);
        return _pairing(sum, w, h.u);
    }

    /// Every word of the proof in its range, every point on the curve and none at infinity.
    function _check(uint256[PROOF_WORDS] calldata w) private pure {
        if (bytes32(w[0]) != mark()) revert ProofMark(bytes32(w[0]));
        for (uint256 i = 1; i < A; i += 2) {
            if (!Bn254.isOnCurve(w[i], w[i + 1])) revert ProofPoint(i);
        }
        for (uint256 i = A; i <= P_NEXT; i++) {
            if (w[i] >= R) revert ProofValue(i);
        }
        if (!Bn254.isOnCurve(w[41], w[42])) revert ProofPoint(41);
        if (!Bn254.isOnCurve(w[43], w[44])) revert ProofPoint(43);
    }

    /// Digests and the output as two elements each, the low half first; docs/l1.md has the order.
    function _publicInputs(PublicInputs calldata inputs) private pure returns (uint256[PUBLIC_INPUTS] memory x) {
        (x[0], x[1]) = _halves(inputs.programCommitment);
        (x[2], x[3]) = _halves(inputs.keySetDigest);
        x[4] = inputs.protocolVersion;
        (x[5], x[6]) = _halves(inputs.output);
    }

    /// The first and the last 16 bytes as numbers with the low byte first.
    function _halves(bytes32 digest) private pure returns (uint256 low, uint256 high) {
        uint256 x = uint256(digest);
        uint256 m = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
        x = (x & m) << 8 | (x >> 8 & m);
        m = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
        x = (x & m) << 16 | (x >> 16 & m);
        m = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
        x = (x & m) << 32 | (x >> 32 & m);
        m = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
        x = (x & m) << 64 | (x >> 64 & m);
        (low, high) = (x >> 128, x & type(uint128).max);
    }

    function _draw(uint256[PUBLIC_INPUTS] memory x, bytes calldata proof)
        private
        view
        returns (Challenges memory h)
    {
        bytes32 state = keccak256(abi.encode(keyDigest, x));
        state = keccak256(abi.encodePacked(state, proof[32:352]));
        (h.beta, h.gamma, h.alpha) = (_challenge(state, 0), _challenge(state, 1), _challenge(state, 2));
        state = keccak256(abi.encodePacked(state, proof[352:480]));
        h.e = _challenge(state, 0);
        state = keccak256(abi.encodePacked(state, proof[480:800]));
        h.y = _challenge(state, 0);
        state = keccak256(abi.encodePacked(state, proof[800:1312]));
        h.v = _challenge(state, 0);
        state = keccak256(abi.encodePacked(state, proof[1312:1440]));
        h.u = _challenge(state, 0);
    }

    function _challenge(bytes32 state, uint8 number) private pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(state, number))) % R;
    }

    /// Step 3, with one inversion for all Lagrange polynomials.
    function _domain(uint256 y, uint256[PUBLIC_INPUTS] memory x) private view returns (Domain memory domain) {
        uint256 power = y;
        for (uint256 i = 0; i < logRows; i++) power = mulmod(power, power, R);
        if (power == 1) revert PointInDomain();
        domain.power = power;
        domain.vanishing = addmod(power, R - 1, R);
        uint256[PUBLIC_INPUTS] memory points;
        uint256[PUBLIC_INPUTS] memory distances;
        uint256[PUBLIC_INPUTS] memory before;
        uint256 point = 1;
        uint256 product = 1;
        for (uint256 i = 0; i < PUBLIC_INPUTS; i++) {
            points[i] = point;
            distances[i] = addmod(y, R - point, R);
            before[i] = product;
            product = mulmod(product, distances[i], R);
            point = mulmod(point, root, R);
        }
        uint256 inverse = Bn254.inverse(product);
        uint256 scale = mulmod(domain.vanishing, rowsInverse, R);
        uint256 sum = 0;
        for (uint256 i = PUBLIC_INPUTS; i > 0; i--) {
            uint256 lagrange = mulmod(mulmod(points[i - 1], scale, R), mulmod(inverse, before[i - 1], R), R);
            inverse = mulmod(inverse, distances[i - 1], R);
            sum = addmod(sum, mulmod(x[i - 1], lagrange, R), R);
            domain.first = lagrange; // that of row 0 in the end
        }
        domain.publics = _negative(sum);
    }

    function _shared(uint256[PROOF_WORDS] calldata w, Challenges memory h) private pure returns (Shared memory t) {
        t.s = addmod(addmod(w[Q_I], w[Q_F], R), w[Q_P], R);
        uint256 e2 = mulmod(h.e, h.e, R);
        t.e4 = mulmod(e2, e2, R);
        t.permuted = mulmod(w[Z_NEXT], addmod(mulmod(h.beta, w[S_0], R), addmod(w[A], h.gamma, R), R), R);
        t.permuted = mulmod(t.permuted, addmod(mulmod(h.beta, w[S_1], R), addmod(w[B], h.gamma, R), R), R);
        t.permuted = mulmod(t.permuted, addmod(mulmod(h.beta, w[S_2], R), addmod(w[C], h.gamma, R), R), R);
        uint256 label = mulmod(h.beta, h.y, R);
        t.labelled = addmod(label, addmod(w[A], h.gamma, R), R);
        label = mulmod(5, label, R);
        t.labelled = mulmod(t.labelled, addmod(label, addmod(w[B], h.gamma, R), R), R);
        label = mulmod(5, label, R);
        t.labelled = mulmod(t.labelled, addmod(label, addmod(w[C], h.gamma, R), R), R);
        label = mulmod(5, label, R);
        t.labelled = mulmod(t.labelled, addmod(label, addmod(w[D], h.gamma, R), R), R);
        uint256 first = addmod(w[A], h.alpha, R);
        uint256 second = addmod(w[B], h.alpha, R);
        uint256 third = addmod(w[C], h.alpha, R);
        uint256 fourth = addmod(w[D], h.alpha, R);
        uint256 left = mulmod(first, second, R);
        uint256 right = mulmod(third, fourth, R);
        t.all = mulmod(left, right, R);
        t.three = addmod(
            mulmod(addmod(first, second, R), right, R), mulmod(addmod(third, fourth, R), left, R), R
        );
        t.listed = addmod(h.alpha, w[T], R);
    }

    /// Step 4: the constant R of the linearisation, from the highest power of e down.
    function _constant(
        uint256[PROOF_WORDS] calldata w,
        Challenges memory h,
        Domain memory domain,
        Shared memory t
    ) private pure returns (uint256 sum) {
        sum = mulmod(w[P_NEXT], mulmod(t.all, t.listed, R), R);
        sum = addmod(mulmod(sum, h.e, R), _negative(domain.first), R);
        sum = addmod(
            mulmod(sum, h.e, R), _negative(mulmod(t.permuted, addmod(w[D], h.gamma, R), R)), R
        );
        uint256 a5 = _fifth(w[A]);
        uint256 others = addmod(w[B], w[C], R);
        uint256 between = addmod(addmod(a5, a5, R), others, R);
        sum = addmod(mulmod(sum, h.e, R), mulmod(w[Q_P], addmod(between, _negative(w[D]), R), R), R);
        uint256[3] memory states = _rounds(w, a5);
        sum = addmod(mulmod(sum, h.e, R), _state(states[2], t.s, w[C_NEXT]), R);
        sum = addmod(mulmod(sum, h.e, R), _state(states[1], t.s, w[B_NEXT]), R);
        sum = addmod(mulmod(sum, h.e, R), _state(states[0], t.s, w[A_NEXT]), R);
        sum = addmod(sum, domain.publics, R);
    }

    /// q_i I + q_f F + q_p P for the three elements of Poseidon2's state.
    function _rounds(uint256[PROOF_WORDS] calldata w, uint256 a5) private pure returns (uint256[3] memory states) {
        (uint256 a, uint256 b, uint256 c) = (w[A], w[B], w[C]);
        uint256 total = addmod(addmod(a, b, R), c, R);
        _external(
            states,
            w[Q_I],
            _fifth(addmod(addmod(total, a, R), K_0, R)),
            _fifth(addmod(addmod(total, b, R), K_1, R)),
            _fifth(addmod(addmod(total, c, R), K_2, R))
        );
        _external(states, w[Q_F], a5, _fifth(b), _fifth(c));
        total = addmod(addmod(a5, b, R), c, R);
        uint256 first = _fifth(w[D]);
        uint256 second = addmod(total, b, R);
        uint256 third = addmod(addmod(total, c, R), c, R);
        total = addmod(addmod(first, second, R), third, R);
        uint256 q = w[Q_P];
        states[0] = addmod(states[0], mulmod(q, addmod(total, first, R), R), R);
        states[1] = addmod(states[1], mulmod(q, addmod(total, second, R), R), R);
        states[2] = addmod(states[2], mulmod(q, addmod(addmod(total, third, R), third, R), R), R);
    }

    /// Adds q times the external matrix's image of three elements.
    function _external(uint256[3] memory states, uint256 q, uint256 a, uint256 b, uint256 c) private pure {
        uint256 total = addmod(addmod(a, b, R), c, R);
        states[0] = addmod(states[0], mulmod(q, addmod(total, a, R), R), R);
        states[1] = addmod(states[1], mulmod(q, addmod(total, b, R), R), R);
        states[2] = addmod(states[2], mulmod(q, addmod(total, c, R), R), R);
    }

    function _state(uint256 rounds, uint256 s, uint256 next) private pure returns (uint256) {
        return addmod(rounds, _negative(mulmod(s, next, R)), R);
    }

    /// Step 5, with what step 6 adds to commitments that occur twice.
    function _linearisation(
        uint256[PROOF_WORDS] calldata w,
        Challenges memory h,
        Domain memory domain,
        Shared memory t
    ) private view returns (Bn254.Sum memory sum) {
        uint256 e = h.e;
        uint256 e5 = mulmod(t.e4, e, R);
        uint256 e6 = mulmod(e5, e, R);
        uint256 rest = addmod(1, _negative(t.s), R);
        (sum.x, sum.y) = (qKX, qKY);
        Bn254.add(sum, qAbX, qAbY, mulmod(w[A], w[B], R));
        Bn254.add(sum, qCdX, qCdY, mulmod(w[C], w[D], R));
        Bn254.add(sum, qNX, qNY, w[A_NEXT]);
        uint256 factor = t.s;
        Bn254.add(sum, qAX, qAY, addmod(mulmod(rest, w[A], R), factor, R));
        factor = mulmod(factor, e, R);
        Bn254.add(sum, qBX, qBY, addmod(mulmod(rest, w[B], R), factor, R));
        factor = mulmod(factor, e, R);
        Bn254.add(sum, qCX, qCY, addmod(mulmod(rest, w[C], R), factor, R));
        factor = mulmod(mulmod(mulmod(e, e, R), e, R), w[Q_P], R);
        Bn254.add(sum, qDX, qDY, addmod(mulmod(rest, w[D], R), factor, R));
        Bn254.add(sum, qRX, qRY, _negative(mulmod(e6, mulmod(t.three, t.listed, R), R)));
        Bn254.add(sum, s3X, s3Y, _negative(mulmod(t.e4, mulmod(h.beta, t.permuted, R), R)));
        factor = mulmod(e6, t.all, R);
        Bn254.add(sum, w[9], w[10], factor); // [m]
        uint256 v3u = mulmod(mulmod(mulmod(h.v, h.v, R), h.v, R), h.u, R);
        factor = addmod(_negative(mulmod(factor, t.listed, R)), mulmod(v3u, h.v, R), R);
        Bn254.add(sum, w[13], w[14], factor); // [p]
        factor = addmod(mulmod(t.e4, t.labelled, R), mulmod(e5, domain.first, R), R);
        Bn254.add(sum, w[11], w[12], addmod(factor, v3u, R)); // [z]
        factor = _negative(domain.vanishing);
        for (uint256 i = 15; i < A; i += 2) {
            Bn254.add(sum, w[i], w[i + 1], factor); // [t_0] to [t_4]
            factor = mulmod(factor, domain.power, R);
        }
    }

    /// The rest of step 6 and the right side of step 7.
    function _openings(
        Bn254.Sum memory sum,
        uint256[PROOF_WORDS] calldata w,
        Challenges memory h,
        uint256 constant_
    ) private view {
        (uint256 v, uint256 u) = (h.v, h.u);
        uint256 v2 = mulmod(v, v, R);
        uint256 power = mulmod(v2, v, R);
        Bn254.add(sum, w[1], w[2], addmod(v, u, R)); // [a]
        Bn254.add(sum, w[3], w[4], addmod(v2, mulmod(u, v, R), R)); // [b]
        Bn254.add(sum, w[5], w[6], addmod(power, mulmod(u, v2, R), R)); // [c]
        power = mulmod(power, v, R);
        Bn254.add(sum, w[7], w[8], power); // [d]
        power = mulmod(power, v, R);
        Bn254.add(sum, s0X, s0Y, power);
        power = mulmod(power, v, R);
        Bn254.add(sum, s1X, s1Y, power);
        power = mulmod(power, v, R);
        Bn254.add(sum, s2X, s2Y, power);
        power = mulmod(power, v, R);
        Bn254.add(sum, tX, tY, power);
        power = mulmod(power, v, R);
        Bn254.add(sum, qIX, qIY, power);
        power = mulmod(power, v, R);
        Bn254.add(sum, qFX, qFY, power);
        power = mulmod(power, v, R);
        Bn254.add(sum, qPX, qPY, power);
        uint256 value = 0;
        for (uint256 i = Q_P; i >= A; i--) value = mulmod(addmod(value, w[i], R), v, R);
        value = addmod(value, _negative(constant_), R);
        uint256 following = 0;
        for (uint256 i = P_NEXT; i >= A_NEXT; i--) following = addmod(mulmod(following, v, R), w[i], R);
        value = addmod(value, mulmod(u, following, R), R);
        Bn254.add(sum, 1, 2, _negative(value));
        Bn254.add(sum, w[41], w[42], h.y); // [W]
        Bn254.add(sum, w[43], w[44], mulmod(mulmod(u, root, R), h.y, R)); // [W']
    }

    /// e([W] + u [W'], [x]_2) = e(sum, H), as one call with the first side negated.
    function _pairing(Bn254.Sum memory sum, uint256[PROOF_WORDS] calldata w, uint256 u) private view returns (bool) {
        Bn254.Sum memory left;
        (left.x, left.y) = (w[41], w[42]);
        Bn254.add(left, w[43], w[44], u);
        return Bn254.pairingsAgree(left, setupXImaginary, setupXReal, setupYImaginary, setupYReal, sum);
    }

    function _fifth(uint256 a) private pure returns (uint256) {
        uint256 square = mulmod(a, a, R);
        return mulmod(mulmod(square, square, R), a, R);
    }

    /// R - a, for a below R; may be R itself, which counts as 0 wherever it goes.
    function _negative(uint256 a) private pure returns (uint256) {
        unchecked {
            return R - a;
        }
    }
}
