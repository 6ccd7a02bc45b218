"""What core refuses, each with the HTTP status that its proof data handler answers."""

from __future__ import annotations

from typing import ClassVar

from runtime.errors import ConfigurationError, HallmarkError


class CoreError(HallmarkError):
    """Core refused a request."""

    code = "core"
    status: ClassVar[int] = 400


class KeyMismatch(CoreError):
    """The prover holds other keys than this core verifies with."""

    code = "key_mismatch"
    default_remedy = "Run the same release and HALLMARK_PROFILE on both sides; each prints its key digest at start."
    status = 409


class ProtocolMismatch(CoreError):
    """The prover speaks another protocol version."""

    code = "protocol_mismatch"
    default_remedy = "Set the same HALLMARK_PROTOCOL_VERSION on both sides, or upgrade the older one."
    status = 409


class BatchUnknown(CoreError):
    """There is no such batch, or it is not ready to be proven."""

    code = "batch_unknown"
    status = 404


class ProgramUnknown(CoreError):
    """Core does not prove the program with this SHA-256."""

    code = "program_unknown"
    status = 404


class BatchProven(CoreError):
    """The batch is already proven by another proof."""

    code = "batch_proven"
    default_remedy = "Nothing is to be done: the batch is complete; drop this proof."
    status = 409


class OfferUnknown(CoreError):
    """The offer token was never given out."""

    code = "offer_unknown"
    default_remedy = "Ask for the batch again with POST /proof_generation_data and submit under the new token."
    status = 403


class OfferMismatch(CoreError):
    """The offer token belongs to another batch."""

    code = "offer_mismatch"
    default_remedy = "Submit each proof under the token of its own batch."
    status = 403


class OfferExpired(CoreError):
    """The offer ran out before the proof arrived."""

    code = "offer_expired"
    default_remedy = "Ask for the batch again and submit the same proof under the new token; renew offers in time."
    status = 410


class ProofTooLarge(CoreError):
    """The proof is larger than core reads."""

    code = "proof_too_large"
    status = 413


class ProofTruncated(CoreError):
    """The body ended before its stated length."""

    code = "proof_truncated"
    status = 400


class ProofRefused(CoreError):
    """The proof does not verify for this batch."""

    code = "proof_refused"
    default_remedy = "Prove the batch again from its witness input; the message names the check that failed."
    status = 422


class Busy(CoreError):
    """Too many calls of one kind are under way, or too many proofs are being verified."""

    code = "busy"
    default_remedy = "Try again after a few seconds."
    status = 503


class Unauthorized(CoreError):
    """The bearer token is missing or wrong."""

    code = "unauthorized"
    default_remedy = "Set the same HALLMARK_TOKEN on both sides."
    status = 401


class CertificateMissing(CoreError):
    """A gateway brought no certificate, and core asks for one."""

    code = "certificate_missing"
    default_remedy = "Set HALLMARK_GATEWAY_TLS_CERTIFICATE and HALLMARK_GATEWAY_TLS_KEY on the gateway's side."
    status = 401


class OriginRefused(CoreError):
    """A web page of an origin that is not allowed has sent the request."""

    code = "origin_refused"
    default_remedy = "Name the page's origin in HALLMARK_CORE_ORIGINS, such as http://localhost:5173; * allows all."
    status = 403


class ProgramFault(CoreError):
    """The state-transition program did not do what core computed from the data."""

    code = "program_fault"
    default_remedy = "Core and the program in guest/ disagree: this is a bug; keep the state directory for analysis."
    status = 500


class ProgramMissing(CoreError, ConfigurationError):
    """Batches wait that another program made, and core does not have it."""

    code = "program_missing"
    status = 500


class ProgramNotAnnounced(CoreError, ConfigurationError):
    """L1 has another program for the next batch, under this protocol version."""

    code = "program_not_announced"
    default_remedy = (
        "Start core with the program that L1 has (HALLMARK_CORE_PROGRAM), or announce this one under a later protocol "
        "version with `hallmark l1 upgrade` (docs/upgrading.md)."
    )
    status = 503


class UpgradeDue(CoreError, ConfigurationError):
    """The next batch is the first of another protocol version."""

    code = "upgrade_due"
    default_remedy = "Stop this core and start the release of that version on the same state (docs/upgrading.md)."
    status = 503


class VersionUnsettled(CoreError, ConfigurationError):
    """Batches of another protocol version are not finished, or are newer than this release."""

    code = "version_unsettled"
    default_remedy = "Start the release of that version; an upgrade begins when its last batch is committed."
    status = 500


class GenesisMismatch(CoreError, ConfigurationError):
    """The store belongs to another chain than the settings describe."""

    code = "genesis_mismatch"
    default_remedy = (
        "Use the genesis file, chain id and program this state directory was made with, or another directory."
    )
    status = 500
