"""A batch's proof becomes the SNARK that the contract accepts (small last layers: `tests.proving.snark.test_wrap`)."""

from __future__ import annotations

import pytest

from proving import keys, stages
from proving.keys import setups
from proving.keys.snark_keys import verifying_key
from proving.snark.errors import SnarkPairing
from proving.stages import batch_proof, layers, recursion_proof, snark_proof
from proving.stages.recursion_proof import RecursionProof
from runtime.errors import VerificationError
from runtime.protocol import PROTOCOL_VERSION
from tests.contracts.deployment import LocalEvm, artifact
from tests.proving.stages.batch import PROFILE, batch


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_batch_goes_all_the_way_to_the_contract() -> None:
    proof = batch().proofs[-1]
    claim, _ = batch_proof.unpack(proof, protocol=PROTOCOL_VERSION)
    setup = setups.insecure_test(keys.snark_circuit(PROFILE).rows)
    proving_key = stages.snark_keys(PROFILE, setup)
    assert proving_key.key.rows == 1 << 19 and proving_key.key == verifying_key(proving_key.circuit, setup)
    last = layers.compress_proof(proof, profile=PROFILE)
    made = stages.wrap(last, proving_key=proving_key, profile=PROFILE)
    shown = stages.verify_snark(
        made, proving_key.key, profile=PROFILE, program_commitment=claim.program_commitment, output=claim.output
    )
    assert shown.mark == "insecure-test"

    evm = LocalEvm()
    contract = evm.deploy(artifact("InsecureTestSnarkVerifier"), proving_key.key.to_bytes())
    _, snark = snark_proof.unpack(made, protocol=PROTOCOL_VERSION)
    digests = [words.astype("<u8").tobytes() for words in (claim.program_commitment, claim.key_set)]
    answers = []
    for output in (claim.output, bytes([claim.output[0] ^ 1]) + claim.output[1:]):
        stated = (*digests, claim.protocol, output)
        data = bytes.fromhex(contract.encode_abi("verify", [stated, snark])[2:])
        answers.append(evm.call(contract, data)[-1])
    assert answers == [1, 0]
    other = batch_proof.Claim(claim.key_set, claim.program_commitment, claim.protocol, b"\1" + claim.output[1:])
    with pytest.raises(SnarkPairing):
        stages.verify_snark(snark_proof.pack(other, snark, protocol=PROTOCOL_VERSION), proving_key.key, profile=PROFILE)

    found = recursion_proof.unpack(last, protocol=PROTOCOL_VERSION)
    forged = RecursionProof(found.circuit, found.publics, found.proof[:-8] + bytes(8))
    with pytest.raises(VerificationError):
        stages.wrap(recursion_proof.pack(forged, protocol=PROTOCOL_VERSION), proving_key=proving_key, profile=PROFILE)
