"""The batch file: what a batch's proof must show, as JSON for whoever verifies the proof without core.

Digests are lower-case hex of 32 bytes. The file is self-checking: its expected output is the commitment to its header,
roots and hashes, and its metadata commitment that to its header, so that none of these can be changed alone. The
program commitment is what a proof is checked against; the two SHA-256 are for finding the files.
"""

from __future__ import annotations

import json
import re

import msgspec

from core.formats.commitments import NOTHING, data_commitment, metadata_commitment, output_commitment
from core.formats.identity import Identity
from core.formats.witness_input import Header, WitnessInputError
from core.store import Batch
from runtime.errors import InvalidInput, TooLarge

FORMAT = "hallmark-batch"
VERSION = 3

#: Bytes of a batch file that is read; a real one has about 1,500.
MAX_BATCH_FILE_BYTES = 64 << 10


_DIGEST = re.compile(r"[0-9a-f]{64}")


class BatchFileError(InvalidInput):
    """The file is not a batch file, or its fields contradict each other."""

    code = "batch_file"
    default_remedy = "Fetch it again with GET /batches/NUMBER or `python -m core batch NUMBER`."


class BatchHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The batch's metadata; `fee_recipient` is 0x-hex."""

    protocol_version: int
    chain_id: int
    batch_number: int
    timestamp: int
    fee_recipient: str
    base_fee: int
    gas_limit: int


class BatchFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch as its verifier sees it."""

    format: str
    version: int
    header: BatchHeader
    transactions: int
    program_commitment: str
    program_sha256: str
    old_root: str
    new_root: str
    input_commitment: str
    results_commitment: str
    diffs_commitment: str
    metadata_commitment: str
    priority_queue_hash: str
    message_root: str
    witness_input_sha256: str
    expected_output: str

    @property
    def output(self) -> bytes:
        """The 32 public output bytes that the proof must show."""
        return bytes.fromhex(self.expected_output)


def batch_file(batch: Batch, identity: Identity) -> bytes:
    """Return the batch file of a committed batch."""
    commitments = json.loads(batch.commitments or "{}")
    content = BatchFile(
        format=FORMAT,
        version=VERSION,
        header=msgspec.convert(json.loads(batch.context), BatchHeader),
        transactions=batch.transactions - batch.requests,
        program_commitment=identity.program_commitment,
        program_sha256=identity.program_sha256,
        old_root=batch.old_root.hex(),
        new_root=batch.new_root.hex(),
        input_commitment=commitments["transactions"],
        results_commitment=commitments["results"],
        diffs_commitment=commitments["diffs"],
        metadata_commitment=commitments["metadata"],
        priority_queue_hash=(batch.priority_queue_hash or NOTHING).hex(),
        message_root=(batch.message_root or NOTHING).hex(),
        witness_input_sha256=batch.witness_sha256.hex(),
        expected_output=batch.expected_output.hex(),
    )
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def read_batch_file(content: bytes) -> BatchFile:
    """Read a batch file and check that its fields agree with each other.

    Raises
    ------
    BatchFileError
        Not a batch file, a digest that is not 32 bytes of lower-case hex, or fields that contradict each other.
    TooLarge
    """
    if len(content) > MAX_BATCH_FILE_BYTES:
        raise TooLarge(f"A batch file has at most {MAX_BATCH_FILE_BYTES} bytes.")
    try:
        read = msgspec.json.decode(content, type=BatchFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BatchFileError(f"Not a batch file: {error}") from None
    if read.format != FORMAT or read.version != VERSION:
        raise BatchFileError(f"Not a batch file of version {VERSION}.")
    try:
        data = data_commitment(
            transactions=_digest("input_commitment", read.input_commitment),
            results=_digest("results_commitment", read.results_commitment),
            diffs=_digest("diffs_commitment", read.diffs_commitment),
            metadata=_digest("metadata_commitment", read.metadata_commitment),
        )
        output = output_commitment(
            chain_id=read.header.chain_id,
            batch_number=read.header.batch_number,
            timestamp=read.header.timestamp,
            old_root=_digest("old_root", read.old_root),
            new_root=_digest("new_root", read.new_root),
            data=data,
            priority_queue=_digest("priority_queue_hash", read.priority_queue_hash),
            messages=_digest("message_root", read.message_root),
        )
    except BatchFileError:
        raise
    except InvalidInput as error:
        raise BatchFileError(error.message) from None
    if output != _digest("expected_output", read.expected_output):
        raise BatchFileError("The expected output is not the commitment to the file's header and digests.")
    _digest("program_commitment", read.program_commitment)
    _digest("program_sha256", read.program_sha256)
    _digest("witness_input_sha256", read.witness_input_sha256)
    try:
        header = Header.from_json(msgspec.to_builtins(read.header))
    except WitnessInputError as error:
        raise BatchFileError(error.message) from None
    if header.as_json() != msgspec.to_builtins(read.header):
        raise BatchFileError("The header writes its fee recipient in an unusual way.")
    if not 0 <= read.transactions < 1 << 32 or metadata_commitment(header, read.transactions).hex() != (
        read.metadata_commitment
    ):
        raise BatchFileError("The metadata commitment is not that of the file's header.")
    return read


def _digest(name: str, text: str) -> bytes:
    if not _DIGEST.fullmatch(text):
        raise BatchFileError(f"{name} is not 64 lower-case hexadecimal digits.")
    return bytes.fromhex(text)
