"""The program against published vectors: transactions, senders, signatures."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from eth_hash.auto import keccak

from core.formats.witness_input import Header
from core.program.state_transition import Result, Status
from tests.guest.batches import HEADER, content_of, program
from tests.guest.native import Host
from tests.guest.vector_files import archive, compressed

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SECP_P = 2**256 - 2**32 - 977
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
#: Statuses that say that the transaction was decoded and its sender recovered.
RECOVERED = {
    Status.EXECUTED,
    Status.NONCE_TOO_LOW,
    Status.NONCE_TOO_HIGH,
    Status.NONCE_OVERFLOW,
    Status.INSUFFICIENT_BALANCE,
    Status.BALANCE_OVERFLOW,
}


def judge(raws: list[bytes], header: Header) -> tuple[Result, ...]:
    """Run on an empty state, shown as a whole."""
    return program().run(content_of({}, raws, [], header)).results


def transaction_tests() -> dict[str, dict[str, Any]]:
    cases: dict[str, dict[str, Any]] = {}
    for _, content in archive("tx/ethereum_tests_tx_rlp_trie_dev.tar.xz", "TransactionTests/"):
        cases.update({name: case for name, case in content.items() if "Cancun" in case["result"]})
    return cases


def test_transaction_tests_are_judged_as_ethereum_judges_them() -> None:
    """Valid ones recover the sender, unless a rule of this rollup forbids them; the others are refused."""
    header = replace(HEADER, chain_id=1, base_fee=0, gas_limit=2**64 - 1)
    cases = {name: case for name, case in transaction_tests().items() if 2 < len(case["txbytes"]) <= 2 * 131072}
    ours = {Status.UNPROTECTED, Status.CREATION_UNSUPPORTED, Status.WRONG_CHAIN, Status.UNSUPPORTED_TYPE}
    # Ethereum knows these faults only with the state at hand.
    later = {"GASLIMIT_PRICE_PRODUCT_OVERFLOW", "NONCE_TOO_BIG", "INITCODE_SIZE_EXCEEDED"}
    compared = 0
    for (name, case), result in zip(
        cases.items(), judge([bytes.fromhex(case["txbytes"][2:]) for case in cases.values()], header), strict=True
    ):
        expected = case["result"]["Cancun"]
        exception = expected.get("exception", "").removeprefix("TransactionException.")
        if not exception and result.status not in ours:
            assert result.status in RECOVERED, name
            assert result.sender.hex() == expected["sender"][2:], name
            compared += 1
        elif exception and exception not in later:
            assert result.status is not Status.EXECUTED, name
            assert result.status not in RECOVERED or exception == "NONCE_OVERFLOW", (name, exception, result.status)
    assert compared >= 10


@pytest.mark.parametrize("part", range(4))
def test_real_senders_are_recovered(part: int) -> None:
    batch = compressed("l2/op_mainnet_span_batch_dev.json.xz")
    header = replace(HEADER, chain_id=batch["chain_id"], base_fee=0, gas_limit=2**64 - 1)
    chosen = [item for item in batch["txs"] if item["to"]][part::26]
    results = judge([bytes.fromhex(item["raw"][2:]) for item in chosen], header)
    for item, result in zip(chosen, results, strict=True):
        assert result.status in RECOVERED
        assert "0x" + result.sender.hex() == item["sender"].lower()


def parse_der(signature: bytes) -> tuple[int, int] | None:
    """Read a strict DER signature; None when it is not one."""
    if len(signature) < 8 or signature[0] != 0x30 or signature[1] != len(signature) - 2 or signature[1] > 127:
        return None
    numbers, at = [], 2
    for _ in range(2):
        if at + 2 > len(signature) or signature[at] != 2:
            return None
        body = signature[at + 2 : at + 2 + signature[at + 1]]
        if not body or len(body) != signature[at + 1] or body[0] & 0x80:
            return None
        if len(body) > 1 and body[0] == 0 and not body[1] & 0x80:
            return None
        numbers.append(int.from_bytes(body, "big"))
        at += 2 + len(body)
    return (numbers[0], numbers[1]) if at == len(signature) else None


@pytest.mark.parametrize(
    ("file", "every"),
    [
        ("ecdsa_secp256k1_sha256_p1363_test.json", 12),
        ("ecdsa_secp256k1_sha256_test.json", 6),
        ("ecdsa_secp256k1_sha3_256_test.json", 12),
        *(
            pytest.param(f"ecdsa_secp256k1_{name}_test.json", 1, marks=pytest.mark.long)
            for name in ("sha256_p1363", "sha256", "sha3_256")
        ),
    ],
)
def test_recovery_agrees_with_wycheproof(host: Host, file: str, every: int) -> None:
    """A signature is valid for a key when recovery with one of the two parities returns that key."""
    hashes = {"SHA-256": hashlib.sha256, "SHA3-256": hashlib.sha3_256}
    checked = 0
    for name, content in archive("crypto/wycheproof_secp256k1.tar.xz"):
        if name.rsplit("/")[-1] != file:
            continue
        for group in content["testGroups"]:
            key = (int(group["publicKey"]["wx"], 16), int(group["publicKey"]["wy"], 16))
            for case in group["tests"]:
                if case["tcId"] % every:
                    continue
                signature = bytes.fromhex(case["sig"])
                if "p1363" in file:
                    half = len(signature) // 2
                    pair = (int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
                    readable = len(signature) == 64
                else:
                    parsed = parse_der(signature)
                    readable = parsed is not None
                    pair = parsed or (0, 0)
                r, s = pair
                accepted = False
                if readable and 0 < r < N and 0 < s < N:
                    e = int.from_bytes(hashes[group["sha"]](bytes.fromhex(case["msg"])).digest(), "big") % N
                    found = host.recover([(r, s, e, parity) for parity in (0, 1)])
                    accepted = key in found
                if case["result"] == "valid" and not accepted and r + N < SECP_P:
                    continue  # r was reduced modulo n: Ethereum's recovery does not serve such signatures
                assert accepted == (case["result"] == "valid"), (case["tcId"], case["comment"])
                checked += 1
    assert checked >= 200 // every


def test_recovery_of_extreme_signatures(host: Host) -> None:
    """Small and large multiples that meet the special cases of the addition formulas."""
    from eth_keys import keys

    signatures, expected = [], []
    for secret, nonce in [(1, 1), (2, 1), (1, 2), (N - 1, 1), (1, N - 1), (3, 2), (N - 2, N - 3), (2**128, 2**127)]:
        point = (
            G
            if nonce == 1
            else tuple(
                int.from_bytes(part, "big")
                for part in (
                    keys.PrivateKey(nonce.to_bytes(32, "big")).public_key.to_bytes()[:32],
                    keys.PrivateKey(nonce.to_bytes(32, "big")).public_key.to_bytes()[32:],
                )
            )
        )
        for e in (0, 1, 2, N - 1, 2**128):
            r = point[0] % N
            s = pow(nonce, -1, N) * (e + r * secret) % N
            if s == 0:
                continue
            signatures.append((r, s, e, point[1] & 1))
            public = keys.PrivateKey(secret.to_bytes(32, "big")).public_key.to_bytes()
            expected.append((int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")))
    assert host.recover(signatures) == expected


def test_the_example_computes_keccak() -> None:
    from guest.build import PROGRAMS
    from proving.machine.executor import execute
    from proving.machine.program import Program

    example = Program.from_elf((PROGRAMS / "keccak.elf").read_bytes())
    for length in (0, 1, 3, 4, 135, 136, 137, 271, 272, 1000):
        content = bytes(range(256)) * 4
        assert execute(example, content[:length], cycle_limit=1 << 24).output == keccak(content[:length])
