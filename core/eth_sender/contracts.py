"""The committed contracts: what deploys them, and the names of their errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak
from web3 import Web3

from proving.snark.key import SnarkKey
from proving.snark.layout import INSECURE_TEST, PRODUCTION

ARTIFACTS = Path(__file__).resolve().parents[2] / "contracts" / "artifacts"

#: Contracts by the mark of the keys whose proofs they take.
VERIFIERS = {PRODUCTION: "SnarkVerifier", INSECURE_TEST: "InsecureTestSnarkVerifier"}
EXECUTORS = {PRODUCTION: "Executor", INSECURE_TEST: "InsecureTestExecutor"}


@dataclass(frozen=True)
class Creation:
    """What makes a contract.

    Attributes
    ----------
    contract
        Its name in ``contracts/src``.
    arguments
        Of the constructor, as the ABI encodes them.
    code
        Data of the transaction: bytecode and arguments.
    """

    contract: str
    arguments: bytes
    code: bytes


@cache
def artifact(name: str) -> dict[str, Any]:
    """Return a committed contract: ``abi`` and ``bytecode``."""
    content: dict[str, Any] = json.loads((ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))
    return content


def creation(name: str, *arguments: object) -> Creation:
    """Return what makes a contract with arguments of its constructor."""
    compiled = artifact(name)
    made = Web3().eth.contract(abi=compiled["abi"], bytecode=compiled["bytecode"])
    code = _octets(made.constructor(*arguments).data_in_transaction)
    return Creation(name, code[len(_octets(compiled["bytecode"])) :], code)


def verifier_creation(key: SnarkKey) -> Creation:
    """Return what makes the verifier of a key."""
    return creation(VERIFIERS[key.mark], key.to_bytes())


@cache
def _errors() -> dict[bytes, str]:
    entries = [entry for name in (*EXECUTORS.values(), *VERIFIERS.values()) for entry in artifact(name)["abi"]]
    found = {}
    for entry in entries:
        if entry["type"] == "error":
            types = ",".join(given["type"] for given in entry["inputs"])
            found[keccak(f"{entry['name']}({types})".encode())[:4]] = str(entry["name"])
    return found


def error_name(returned: object) -> str:
    """Return the name of the custom error in what a call returned (0x-hex), or an empty text."""
    text = str(returned)
    return _errors().get(_octets(text[:10]), "") if text.startswith("0x") and len(text) >= 10 else ""


def _octets(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
