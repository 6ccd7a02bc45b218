"""The circuit key generator: fills the keystore with every key, witness program and SNARK circuit of this release.

Only what is missing is made. The same code gives the same files on every machine; what a file must hold is pinned in
the repository, so there is nothing to trust in a folder that was copied from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from proving import keys
from proving.keys import keystore
from proving.keys.errors import StoredKeyRefused
from proving.keys.family import wrap_name
from runtime.errors import InvalidInput
from runtime.protocol import PROTOCOL_VERSION

#: Name of the file that lists a keystore's keys.
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Entry:
    """A key of this release and its files, or the SNARK's circuit, whose keys follow from a setup.

    Attributes
    ----------
    digest
        The key's digest, or that of the circuit's file; pinned.
    path
        Where its file belongs.
    program
        Where the file of its witness program belongs; None for a circuit that verifies no proofs, and for the SNARK's,
        whose program is in its file.
    bytes
        Size of the files, 0 where one is missing.
    """

    name: str
    digest: str
    path: Path
    program: Path | None
    bytes: int


def entries(profiles: Sequence[str] = ()) -> list[Entry]:
    """Return the keys that proofs under these profiles need, of all profiles when none is named."""
    return [_entry(name) for name in _wanted(profiles)]


def _entry(name: str) -> Entry:
    profile = _snarks().get(name)
    if profile is not None:
        digest, program = keys.snark_pins()[profile], None
        path = keystore.circuit_path_of(name, digest)
    else:
        pin = keys.pinned()[name]
        digest, path = pin.digest, keystore.path_of(name, pin.head)
        program = keystore.program_path_of(name, pin.program) if pin.program else None
    files = [path] if program is None else [path, program]
    size = sum(file.stat().st_size for file in files) if all(file.exists() for file in files) else 0
    return Entry(name, digest, path, program, size)


def check(name: str) -> bool:
    """Return whether the files of a key and its witness program are there and hold what is pinned, columns included."""
    profile = _snarks().get(name)
    if profile is not None:
        return keystore.load_circuit(name, keys.snark_pins()[profile]) is not None
    pin = keys.pinned()[name]
    found = keystore.load(name, pin.head, columns=True)
    if found is None or found.hex != pin.digest:
        return False
    return not pin.program or keystore.load_program(name, pin.program) is not None


def generate(profiles: Sequence[str], *, processes: int, done: Callable[[str], None] = lambda _: None) -> list[str]:
    """Make every key that is missing or damaged, several at once, and write the manifest; return their names.

    Parameters
    ----------
    profiles
        Those whose keys are wanted; all when empty.
    done
        Called with a circuit's name when its key is in the keystore, made or found.

    Raises
    ------
    KeyMismatch
        This code does not make the pinned keys.
    StoredKeyRefused
        The keystore cannot be written.
    """
    wanted = _wanted(profiles)
    missing = [name for name in wanted if not check(name)]
    for name in wanted:
        if name not in missing:
            done(name)
    # A new process for each: none shares threads of native code with this one.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for name in _in_order(pool, missing):
            done(name)
    lacking = [name for name in missing if not check(name)]
    if lacking:
        raise StoredKeyRefused(f"The keys of {', '.join(lacking)} are not in {keystore.folder()} after they were made.")
    _write_manifest()
    return missing


def manifest() -> dict[str, object]:
    """Return what the manifest says: the protocol version, the key sets, and every key's file with its checksum."""
    pins = keys.pinned()
    found = {}
    for entry in entries():
        if entry.bytes:
            found[entry.name] = {"file": entry.path.name, "bytes": entry.bytes, "digest": entry.digest}
            if entry.name in pins:
                found[entry.name]["sha256_head"] = pins[entry.name].head
            if entry.program is not None:
                found[entry.name] |= {"program": entry.program.name, "sha256_program": pins[entry.name].program}
    return {"protocol_version": PROTOCOL_VERSION, "key_sets": keys.key_sets(), "keys": found}


def snark_profiles(names: Iterable[str]) -> list[str]:
    """Return the profiles whose SNARK's circuit is among these names."""
    wanted = set(names)
    return [profile for name, profile in _snarks().items() if name in wanted]


def _write_manifest() -> None:
    keystore.write(keystore.folder() / MANIFEST, (json.dumps(manifest(), indent=1) + "\n").encode())


def _wanted(profiles: Sequence[str]) -> list[str]:
    known = keys.key_sets()
    for profile in profiles:
        if profile not in known:
            raise InvalidInput(f"There are no keys for profile {profile}; there are for {', '.join(known)}.")
    chosen = profiles or tuple(known)
    families = [keys.circuits_of(profile) for profile in chosen]
    basic = dict.fromkeys(name for family in families for name in family.leaves)
    snarks = [name for name, profile in _snarks().items() if profile in chosen]
    return [*basic, *(name for family in families for name in family.circuits), *snarks]


def _snarks() -> dict[str, str]:
    """Return the profiles that have a SNARK, by the name of its circuit."""
    return {wrap_name(profile): profile for profile in keys.snark_pins()}


def _in_order(pool: ProcessPoolExecutor, missing: Sequence[str]) -> Iterator[str]:
    """Make keys, each after those whose proofs its circuit verifies, and yield the names as they are ready."""
    waiting = {name: [need for need in _needs(name) if need in missing] for name in missing}
    running: dict[Future[None], str] = {}
    ready: set[str] = set()
    while waiting or running:
        for name in [name for name, needs in waiting.items() if ready.issuperset(needs)]:
            del waiting[name]
            running[pool.submit(_make, name)] = name
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            future.result()
            ready.add(running[future])
            yield running.pop(future)


def _needs(name: str) -> tuple[str, ...]:
    """Return the circuits whose keys a circuit's key is made from."""
    if name in _snarks():
        return (keys.circuits_of(_snarks()[name]).layers[-1],)
    for profile in keys.key_sets():
        family = keys.circuits_of(profile)
        if name in family.leaves:
            return ()
        if name == family.scheduler:
            return (family.tip,)
        if name in family.layers:
            return (family.below(name),)
        first = family.leaf(keys.MAIN_VM, 0)
        if name in (family.node, family.tip):
            return (first,)
        if name == family.tie:
            return (first, family.tip)
        if name in family.basic:
            return (family.basic[name][0],)
    raise InvalidInput(f"There is no circuit {name}.")


def _make(name: str) -> None:
    """Make a key and its witness program, or the SNARK's circuit, in a process of its own, which stores them."""
    if name in _snarks():
        keys.snark_circuit(_snarks()[name])
        return
    keys.proving_key(name)
    if keys.pinned()[name].program:
        keys.program(name)
