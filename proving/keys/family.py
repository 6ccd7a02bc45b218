"""The circuits that make one proof of a batch under a security profile, their key set, and the layers that compress it.

They depend on the profile, since they verify proofs of it. All keys of a family are entries of its key set, with the
role that each may have; unused entries are the same in every release, so that another circuit of the machine changes
the key set's digest and no circuit above the leaves. The layers over the scheduler are no part of it: each is a
constant of what verifies it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from proving.hash import DIGEST, HashFamily
from proving.keys.errors import KeySetFull, NotCompressed
from proving.recursion.claims import Role, entry, key_set_digest
from proving.stark.arithmetic import Words

#: Entries of a key set.
KEY_SLOTS: Final = 32
#: log2 of 1/rate of leaves, nodes, tip, tie and scheduler.
LOG_BLOWUP: Final = 3
#: log2 of the heights of leaves, nodes, tip and tie: a node and a tie fit them.
_HEIGHTS: Final[Mapping[str, int]] = {
    "hash": 14, "field": 14, "fold": 10, "bits": 13, "caps": 11, "unpack": 6, "given": 11,
}  # fmt: skip
#: Where a profile needs more.
_HIGHER: Final[Mapping[str, Mapping[str, int]]] = {"proven128": {"field": 15, "bits": 14, "caps": 12}}


@dataclass(frozen=True)
class Layer:
    """The parameters of a compression layer.

    Attributes
    ----------
    form
        Parameters of :class:`proving.stark.shape.Layout` that are not its defaults.
    """

    log_blowup: int
    form: Mapping[str, Any]


#: The layers over a profile's scheduler, the last one hashed as the SNARK verifies it (docs/decisions/0014). A profile
#: whose target is above what a digest of that family gives has none.
_LAYERS: Final[Mapping[str, tuple[Layer, ...]]] = {
    "proven100": (Layer(5, {"family": HashFamily.BN254, "cap_log": 4}),),
}

_LEAF: Final = "leaf"
_NODE: Final = "node"
_TIP: Final = "tip"
_TIE: Final = "tie"
_SCHEDULER: Final = "scheduler"
_LAYER: Final = "layer"
_WRAP: Final = "wrap"


@dataclass(frozen=True)
class Family:
    """The names of the circuits of a profile.

    Attributes
    ----------
    leaves
        Number of leaf circuits of every basic circuit, by its name: of its shapes.
    """

    profile: str
    leaves: Mapping[str, int]

    def leaf(self, basic: str, shape: int) -> str:
        """Return the name of the leaf circuit of a shape of a basic circuit, by its number."""
        return f"{_LEAF}.{basic}.{shape}.{self.profile}"

    @property
    def basic(self) -> Mapping[str, tuple[str, int]]:
        """The basic circuit and the number of the shape that a leaf verifies, by the leaf's name."""
        return {
            self.leaf(basic, shape): (basic, shape) for basic, count in self.leaves.items() for shape in range(count)
        }

    @property
    def log_heights(self) -> dict[str, int]:
        """log2 of the heights of leaves, nodes, tip and tie, by table."""
        return {**_HEIGHTS, **_HIGHER.get(self.profile, {})}

    @property
    def node(self) -> str:
        """The node's name."""
        return f"{_NODE}.{self.profile}"

    @property
    def tip(self) -> str:
        """The recursion tip's name."""
        return f"{_TIP}.{self.profile}"

    @property
    def tie(self) -> str:
        """The name of what takes a type's requests to a tip."""
        return f"{_TIE}.{self.profile}"

    @property
    def tips(self) -> tuple[str, ...]:
        """Names of the circuits with a tip's role."""
        return (self.tip, self.tie)

    @property
    def scheduler(self) -> str:
        """The scheduler's name."""
        return scheduler_name(self.profile)

    @property
    def aggregating(self) -> tuple[str, ...]:
        """Names of leaves and node, in the order of their places in the key set."""
        return (*self.basic, self.node)

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the key set, in the order of their places in it."""
        return (*self.aggregating, *self.tips, self.scheduler)

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the compression layers, from the scheduler up; none where the profile is not compressed."""
        return tuple(f"{_LAYER}.{number}.{self.profile}" for number in range(len(_LAYERS.get(self.profile, ()))))

    @property
    def last(self) -> str:
        """The name of the last layer, whose proof a SNARK verifies.

        Raises
        ------
        NotCompressed
            The profile has no layers.
        """
        if not self.layers:
            raise NotCompressed(f"Proofs of profile {self.profile} are not compressed.")
        return self.layers[-1]

    @property
    def circuits(self) -> tuple[str, ...]:
        """The names of all circuits; what a circuit verifies stands before it."""
        return (*self.names, *self.layers)

    def layer(self, name: str) -> Layer:
        """Return the parameters of a layer by its name."""
        return _LAYERS[self.profile][self.layers.index(name)]

    def below(self, name: str) -> str:
        """Return the name of the circuit whose proofs a layer verifies."""
        return (self.scheduler, *self.layers)[self.layers.index(name)]

    def entries(self, digests: Mapping[str, Words]) -> Words:
        """Return the key set's entries ``(KEY_SLOTS, 4)`` from the keys' digests ``(4,)`` by name.

        Raises
        ------
        KeySetFull
            There are more keys than entries.
        """
        if len(self.names) > KEY_SLOTS:
            raise KeySetFull(f"The key set of {self.profile} has {KEY_SLOTS} entries for {len(self.names)} keys.")
        roles = {**dict.fromkeys(self.tips, Role.TIP), self.scheduler: Role.SCHEDULER}
        found = np.zeros((KEY_SLOTS, DIGEST), dtype=np.uint64)
        for place, name in enumerate(self.names):
            found[place] = entry(digests[name], roles.get(name, Role.AGGREGATION))
        return found

    def digest(self, digests: Mapping[str, Words]) -> Words:
        """Return the key set's digest ``(4,)``."""
        return key_set_digest(self.entries(digests))


def scheduler_name(profile: str) -> str:
    """Return the name of a profile's scheduler circuit: what whoever reads batch proofs needs."""
    return f"{_SCHEDULER}.{profile}"


def wrap_name(profile: str) -> str:
    """Return the name of the SNARK's circuit that verifies proofs of a profile's last layer."""
    return f"{_WRAP}.{profile}"


def family_of(profile: str, names: Mapping[str, object]) -> Family:
    """Return the family of a profile whose circuits are among these names."""
    found = [name.split(".") for name in names if name.startswith(f"{_LEAF}.")]
    return Family(profile, Counter(basic for _, basic, _, of in found if of == profile))
