"""What can be wrong with a SNARK's proof, key, circuit or witness."""

from __future__ import annotations

from proving.stark.errors import ProofRefused
from runtime.errors import ConfigurationError, HallmarkError, InvalidInput


class SnarkRefused(ProofRefused):
    """The SNARK was refused."""

    code = "snark_refused"
    default_remedy = "Prove again; when it repeats, compare the key digests of prover and verifier."


class SnarkLength(SnarkRefused):
    """The SNARK does not have the one length that proofs have."""

    code = "snark_length"


class SnarkMark(SnarkRefused):
    """The SNARK carries another setup's mark than the key."""

    code = "snark_mark"
    default_remedy = "Verify with the key that the proof was made with; a production key takes no insecure-test proof."


class SnarkNonCanonical(SnarkRefused):
    """A word of the SNARK is not below its field's modulus."""

    code = "snark_non_canonical"


class SnarkPoint(SnarkRefused):
    """A point of the SNARK is not on the curve, or is the point at infinity."""

    code = "snark_point"


class SnarkPublicInput(SnarkRefused):
    """A public input is not below the scalar field's modulus, or their number is not the key's."""

    code = "snark_public_input"


class SnarkChallenge(SnarkRefused):
    """The point of evaluation lies in the trace domain."""

    code = "snark_challenge"
    default_remedy = "Prove a batch of other contents; for an honest prover this does not happen once in 2^220 proofs."


class SnarkPairing(SnarkRefused):
    """The SNARK's pairing equation does not hold."""

    code = "snark_pairing"


class SnarkKeyRefused(ConfigurationError):
    """The SNARK's verifying key is malformed."""

    code = "snark_key"
    default_remedy = "Make the key again from the circuit and the setup."


class InsecureSetup(ConfigurationError):
    """A production key is expected, and this one comes from an insecure test setup."""

    code = "insecure_setup"
    default_remedy = "Make the key with a public ceremony's file whose digest the repository pins (docs/snark.md)."


class WitnessRefused(InvalidInput):
    """The witness does not satisfy the SNARK's circuit."""

    code = "snark_witness"
    default_remedy = "The statement is false, or the inputs belong to another circuit; check what is to be proven."


class CircuitRefused(HallmarkError):
    """The SNARK's circuit cannot be compiled."""

    code = "snark_circuit"
    default_remedy = "Correct the circuit, or take a setup with more powers."
