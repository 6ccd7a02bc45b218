"""What can be wrong with a setup."""

from __future__ import annotations

from runtime.errors import ConfigurationError


class SetupRefused(ConfigurationError):
    """The setup cannot be used."""

    code = "snark_setup"
    default_remedy = "Download the ceremony's file again and compare its BLAKE2b digest with the published one."


class SetupTruncated(SetupRefused):
    """The setup's file ends too early."""

    code = "snark_setup_truncated"


class SetupFormat(SetupRefused):
    """The setup's file is not a .ptau file of this format."""

    code = "snark_setup_format"


class SetupCurve(SetupRefused):
    """The setup is for another curve than BN254."""

    code = "snark_setup_curve"
    default_remedy = "Take a file made for BN254, which snarkjs calls bn128."


class SetupPower(SetupRefused):
    """The setup has fewer powers than asked for."""

    code = "snark_setup_power"
    default_remedy = "Take a larger file of the same ceremony."


class SetupPoint(SetupRefused):
    """A point of the setup is not canonical, not on the curve, not in its group, or at infinity."""

    code = "snark_setup_point"


class SetupInconsistent(SetupRefused):
    """The setup's points are not the powers of one secret."""

    code = "snark_setup_inconsistent"
