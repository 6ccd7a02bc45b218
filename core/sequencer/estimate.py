"""What gas a transaction will use: asked of the state-transition program, which runs it signed by a key of no one.

Gas depends on the data, the access list and whether there is a recipient; whether the real sender can pay is not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from core.formats.transactions import read_transaction, touched_accounts
from core.formats.witness_input import Header, encode
from core.program.state_transition import Program, Status
from core.sequencer.admission import Refused
from core.state.chain import Account
from core.state.genesis import Genesis
from core.state_tree import StateTree

AccessList = Sequence[tuple[bytes, Sequence[bytes]]]

#: Signs what is estimated; the account exists only in the tree that is made for it.
_KEY = PrivateKey((1).to_bytes(32, "big"))
_RICH = Account(0, 1 << 255)

#: Estimates that are remembered; wallets ask for the same plain transfer again and again.
_REMEMBERED = 64


class GasEstimate:
    """Estimates gas for one chain.

    Parameters
    ----------
    program
        The judge.
    genesis
        Constants of every batch.
    chain_id, protocol_version
        Stated in the header of the run.
    """

    def __init__(self, program: Program, genesis: Genesis, chain_id: int, protocol_version: int) -> None:
        self._program = program
        self._chain_id = chain_id
        self._header = Header(
            protocol_version, chain_id, 1, genesis.timestamp, genesis.fee_recipient, genesis.base_fee, genesis.gas_limit
        )
        self._gas = lru_cache(_REMEMBERED)(self._ask)

    def gas(self, to: bytes | None, data: bytes = b"", access_list: AccessList = ()) -> int:
        """Return the gas that a transaction uses.

        Raises
        ------
        Refused
            No transaction of this form is executed, whoever sends it.
        """
        return self._gas(to is not None, data, tuple((address, tuple(keys)) for address, keys in access_list))

    def _ask(self, has_recipient: bool, data: bytes, access_list: AccessList) -> int:
        header = self._header
        recipient = b"\xee" * 20 if has_recipient else b""
        listed = [[address, list(keys)] for address, keys in access_list]
        fields = [self._chain_id, 0, 0, header.base_fee, header.gas_limit, recipient, 0, data, listed]
        signature = _KEY.sign_msg_hash(keccak(b"\x02" + rlp.encode(fields)))
        raw = b"\x02" + rlp.encode([*fields, signature.v, signature.r, signature.s])
        sender = _KEY.public_key.to_canonical_address()
        touched = touched_accounts(header.fee_recipient, [read_transaction(raw, sender=sender)])
        result = self._program.judge(encode(header, [raw], StateTree({sender: _RICH}).partial(touched))).results[0]
        if result.status is not Status.EXECUTED:
            raise Refused(result.status)
        return result.gas_used
