"""What users ask of a rollup on L1, sent and remembered."""

from __future__ import annotations

from core.formats.priority import Kind, Request
from tests.contracts.deployment import Rollup

TO = "0x" + "AB" * 20


def octets(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def deposit(rollup: Rollup, amount: int, to: str = TO) -> Request:
    """Deposit from the stranger's account."""
    rollup.send(rollup.encode("deposit", rollup.evm.web3.to_checksum_address(to)), rollup.evm.stranger, amount)
    return _remember(rollup, Kind.DEPOSIT, to, amount)


def force(rollup: Rollup, amount: int, to: str = TO) -> Request:
    """Ask for a withdrawal from the stranger's account."""
    call = rollup.encode("requestWithdrawal", rollup.evm.web3.to_checksum_address(to), amount)
    rollup.send(call, rollup.evm.stranger)
    return _remember(rollup, Kind.WITHDRAWAL, to, amount)


def _remember(rollup: Rollup, kind: Kind, to: str, amount: int) -> Request:
    request = Request(len(rollup.queue) + 1, kind, octets(rollup.evm.stranger), octets(to), amount)
    rollup.queue.append(request)
    return request
