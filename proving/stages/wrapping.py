"""The SNARK of a batch: it shows that the proof of the batch's last layer holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proving import keys
from proving.keys.family import wrap_name
from proving.keys.snark_keys import proving_key as find_proving_key
from proving.snark.bn254.kernels import kernels_of
from proving.snark.prover import prove
from proving.snark.wrap import wrap_inputs
from proving.stages import snark_proof
from proving.stages.batch_proof import Claim
from proving.stages.layers import verify_last
from proving.stark.proof import parse, parts_of
from runtime.protocol import PROTOCOL_VERSION

if TYPE_CHECKING:
    from proving.backend.interface import Backend
    from proving.snark.proving_key import ProvingKey
    from proving.snark.setup.powers import Setup


def snark_keys(profile: str, setup: Setup) -> ProvingKey:
    """Return the SNARK's keys for a profile under a setup; see :func:`proving.keys.snark_keys.proving_key`."""
    circuit = keys.snark_circuit(profile)
    return find_proving_key(wrap_name(profile), keys.snark_pins()[profile], circuit, setup)


def wrap(last: bytes, *, proving_key: ProvingKey, profile: str, backend: Backend | None = None) -> bytes:
    """Prove that a last layer's proof holds.

    Parameters
    ----------
    last
        The artifact of `compress_proof`, made here or elsewhere; it is verified first.
    proving_key
        From `snark_keys`.
    backend
        Whose kernels over BN254 transform and commit; the native ones by default.

    Returns
    -------
    bytes
        The artifact of a batch's SNARK, verified.

    Raises
    ------
    VerificationError, InvalidInput
        It does not hold, is no artifact of the last layer's proof, or makes no claim about a batch.
    """
    told = verify_last(last, profile=profile)
    claim = Claim.of_words(told.publics)
    key = keys.key(told.circuit)
    parameters = key.parameters(profile)
    shape, parts = parse(key.layout, parameters, told.proof)
    inputs = wrap_inputs(told.publics, parts, parts_of(shape, parameters))
    proof = prove(proving_key, snark_proof.public_inputs(claim), inputs, kernels_of(backend))
    return snark_proof.pack(claim, proof, protocol=PROTOCOL_VERSION)
