"""The verifier's errors are values: each refusal is its own case, with what was expected and what was found."""

from __future__ import annotations

from runtime.errors import ConfigurationError, InvalidInput, VerificationError


class ProofRefused(VerificationError):
    """The proof was refused.

    Attributes
    ----------
    expected, got
        The two sides of the check that failed, printable; empty where a check has no sides.
    """

    code = "proof_refused"
    default_remedy = "Prove again; when it repeats, compare the key digests of prover and verifier."

    def __init__(self, message: str = "", *, expected: object = "", got: object = "", remedy: str = "") -> None:
        sentence = message or (type(self).__doc__ or "").strip().splitlines()[0]
        if expected != "" or got != "":
            sentence = f"{sentence} (expected {expected}, got {got})"
        super().__init__(sentence, remedy=remedy, expected=str(expected), got=str(got))
        self.expected = expected
        self.got = got


class ProofTooShort(ProofRefused):
    """The proof ends before its shape is complete."""

    code = "proof_too_short"


class ProofLength(ProofRefused):
    """The proof does not have the length that its shape gives."""

    code = "proof_length"


class ProfileRefused(ProofRefused):
    """The proof was made for another security profile than the one asked for."""

    code = "proof_profile"
    default_remedy = "Prove again with the profile that you ask for, or ask for the proof's where you accept that."


class NonCanonicalWord(ProofRefused):
    """A word of the proof is not below the field's modulus."""

    code = "proof_non_canonical"


class ShapeRefused(ProofRefused):
    """The heights in the proof are outside the key's bounds."""

    code = "proof_shape"


class PublicInputRefused(ProofRefused):
    """The public input does not have the form that the circuit states."""

    code = "proof_public_input"


class UnknownProfile(ConfigurationError):
    """The key has no parameters for this security profile."""

    code = "unknown_profile"


class BusUnbalanced(ProofRefused):
    """The sums of the tables' buses do not add to zero."""

    code = "proof_bus"


class ChallengeRefused(ProofRefused):
    """A challenge fell into a domain on which the proof is committed."""

    code = "proof_challenge"


class ConstraintsViolated(ProofRefused):
    """The constraints do not equal the quotient at the challenge point."""

    code = "proof_constraints"


class GrindingRefused(ProofRefused):
    """A grinding nonce does not show the work that the profile asks for."""

    code = "proof_grinding"


class OpeningRefused(ProofRefused):
    """A row and its path do not lead to the committed cap."""

    code = "proof_opening"


class DeepRefused(ProofRefused):
    """The first FRI layer is not the quotient of the openings at a query."""

    code = "proof_deep"


class FoldRefused(ProofRefused):
    """A FRI layer is not the fold of the layer before it at a query."""

    code = "proof_fold"


class FinalPolynomialRefused(ProofRefused):
    """The last fold is not the value of the final polynomial at a query."""

    code = "proof_final_polynomial"


class DivisionByZero(ProofRefused):
    """The verifier would divide by zero."""

    code = "proof_division_by_zero"


class SecurityBelowProfile(ConfigurationError):
    """The parameters of this circuit cannot reach the security that the profile names."""

    code = "security_below_profile"
    default_remedy = "Lower the heights, raise the blow-up, or choose another profile."


class KeyRefused(ConfigurationError):
    """A key cannot be made from these bounds."""

    code = "key_refused"


class TraceRefused(InvalidInput):
    """The traces do not have the form that the key states."""

    code = "trace_refused"


#: Every class by which a verifier can refuse bytes; nothing else leaves :func:`proving.stark.verifier.verify`.
REFUSALS: tuple[type[ProofRefused], ...] = (
    ProofTooShort, ProofLength, ProfileRefused, NonCanonicalWord, ShapeRefused, PublicInputRefused, BusUnbalanced,
    ChallengeRefused, ConstraintsViolated, GrindingRefused, OpeningRefused, DeepRefused, FoldRefused,
    FinalPolynomialRefused, DivisionByZero,
)  # fmt: skip
