"""BN254: its two prime fields, transforms, the group G1 and the Poseidon2 permutation, by the native kernels.

Arrays of field elements are ``(..., 4) uint64``: little-endian 64-bit limbs of ``value * 2^256 mod p`` (Montgomery
form), below p. Arrays of points are ``(..., 8) uint64``: affine x, then y; zeros are the point at infinity. Only
:mod:`field`'s and :mod:`curve`'s conversions take what was not made here, and they refuse what is not canonical; every
other function trusts its arrays.
"""
