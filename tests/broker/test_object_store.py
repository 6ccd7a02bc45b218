"""The artifact store on a real S3 server, and behind a network that answers late, wrongly, in part, or never."""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from broker.artifacts import ArtifactStore, artifact_name, batch_prefix, open_artifacts
from broker.artifacts.cache import ArtifactCache
from broker.artifacts.place import Access
from broker.artifacts.store import PART_BYTES
from runtime import artifact
from runtime.errors import (
    ArtifactCorrupt,
    ArtifactExists,
    ArtifactMissing,
    ConfigurationError,
    StoreForbidden,
    StoreReadOnly,
    StoreUnavailable,
)
from runtime.settings import Settings
from tests.broker.faulty_proxy import FaultyProxy
from tests.servers import ObjectStore, object_store

__all__ = ["object_store"]

NAME = artifact_name(1, 17, "token", "proof")
#: Bytes of the artifact whose copies in memory are counted.
SIZE = 192 << 20


@pytest.fixture
def proxy(object_store: ObjectStore) -> Iterator[FaultyProxy]:
    with FaultyProxy(object_store.port) as running:
        yield running


@pytest.fixture
def url(object_store: ObjectStore) -> str:
    return f"s3://{object_store.create_bucket()}/some/prefix"


def reached(endpoint: str, retry_seconds: float = 20.0) -> Access:
    return Access(endpoint, "us-east-1", "tester", SecretStr("not secret"), retry_seconds)


@pytest.fixture
def store(proxy: FaultyProxy, url: str) -> ArtifactStore:
    return ArtifactStore(url, access=reached(proxy.endpoint))


@pytest.fixture
def cached(proxy: FaultyProxy, url: str, tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(url, access=reached(proxy.endpoint), cache=ArtifactCache(tmp_path / "cache", 1 << 20))


def asked(proxy: FaultyProxy, method: str = "GET") -> int:
    return sum(seen == method for seen, _ in proxy.seen)


def test_an_artifact_is_written_once(store: ArtifactStore) -> None:
    store.put(NAME, b"first")
    store.put(NAME, b"first")
    with pytest.raises(ArtifactExists):
        store.put(NAME, b"second")
    assert store.get(NAME) == b"first" and store.exists(NAME) and not store.exists(NAME + "s")
    with pytest.raises(ArtifactMissing, match="made by job 17"):
        store.load(NAME + "s", kind="proof", protocol="1")


def test_a_large_artifact_goes_in_parts_and_is_written_once_too(store: ArtifactStore, proxy: FaultyProxy) -> None:
    payload = os.urandom(2 * PART_BYTES + 5)
    store.save(NAME, "proof", payload, protocol="1")
    assert sum("partNumber=" in path for _, path in proxy.seen) == 3
    assert store.load(NAME, kind="proof", protocol="1") == payload
    store.save(NAME, "proof", payload, protocol="1")
    with pytest.raises(ArtifactExists):
        store.save(NAME, "proof", payload[:-1] + bytes([payload[-1] ^ 1]), protocol="1")


def test_a_part_that_is_refused_for_a_while_is_sent_again(store: ArtifactStore, proxy: FaultyProxy) -> None:
    payload = os.urandom(2 * PART_BYTES)
    proxy.fault("PUT", "503", "503", "lost")
    store.save(NAME, "proof", payload, protocol="1")
    assert store.load(NAME, kind="proof", protocol="1") == payload


def test_a_server_that_is_busy_is_asked_again(store: ArtifactStore, proxy: FaultyProxy) -> None:
    proxy.fault("PUT", "503", "503")
    store.save(NAME, "proof", b"bytes", protocol="1")
    proxy.fault("GET", "503", "503", "503")
    assert store.load(NAME, kind="proof", protocol="1") == b"bytes"
    assert asked(proxy, "PUT") == 3 and asked(proxy) == 4


def test_a_put_whose_answer_was_lost_is_our_own(store: ArtifactStore, proxy: FaultyProxy) -> None:
    proxy.fault("PUT", "lost")
    assert store.put(NAME, b"bytes") == NAME
    assert asked(proxy, "PUT") == 2, "the second request finds what the first one stored"


def test_half_an_answer_is_completed(store: ArtifactStore, proxy: FaultyProxy) -> None:
    payload = os.urandom(200_000)
    store.save(NAME, "proof", payload, protocol="1")
    proxy.fault("GET", "truncated", "truncated")
    assert store.load(NAME, kind="proof", protocol="1") == payload
    assert not proxy.faults["GET"]


def test_wrong_bytes_on_the_way_are_asked_for_again(store: ArtifactStore, proxy: FaultyProxy) -> None:
    store.save(NAME, "proof", b"bytes" * 1000, protocol="1")
    proxy.fault("GET", "wrong")
    assert store.load(NAME, kind="proof", protocol="1") == b"bytes" * 1000
    assert asked(proxy) == 2


def test_wrong_bytes_in_the_store_are_told_with_their_maker(store: ArtifactStore, proxy: FaultyProxy) -> None:
    whole = artifact.pack("proof", b"bytes" * 1000, protocol="1")
    store.put(NAME, whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ArtifactCorrupt, match="made by job 17") as found:
        store.load(NAME, kind="proof", protocol="1")
    assert "hallmark job requeue 17" in found.value.remedy and asked(proxy) == 2


def test_a_server_that_stays_away_is_unavailable_within_the_time_for_retries(proxy: FaultyProxy, url: str) -> None:
    store = ArtifactStore(url, access=reached(proxy.endpoint, retry_seconds=2))
    proxy.down.set()
    for call in (functools.partial(store.put, NAME, b"x"), functools.partial(store.get, NAME), store.check):
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            call()
        assert 0.5 < time.monotonic() - started < 15, "tried again, but not for ever"


def test_a_port_where_nobody_listens_is_unavailable(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        ArtifactStore(url, access=reached("http://127.0.0.1:1", retry_seconds=1)).check()


def test_a_bucket_that_is_not_there_is_told_as_such(object_store: ObjectStore) -> None:
    store = ArtifactStore("s3://no-such-bucket/x", access=reached(object_store.endpoint))
    for call in (store.check, functools.partial(store.put, NAME, b"x"), functools.partial(store.get, NAME)):
        with pytest.raises(StoreForbidden, match="no such bucket"):
            call()


def test_removal_leaves_what_is_kept_and_what_is_of_others(store: ArtifactStore) -> None:
    others = artifact_name(12, 1, "t", "x")
    names = [artifact_name(1, job, "t", "proof") for job in range(7)]
    for name in (*names, others):
        store.put(name, b"1234")
    assert store.remove(batch_prefix(1), keep=frozenset({names[3]})) == (6, 24)
    assert {name for name, _ in store.names()} == {names[3], others}


def test_what_is_cached_is_not_asked_for(cached: ArtifactStore, proxy: FaultyProxy) -> None:
    cached.save(NAME, "proof", b"made here", protocol="1")
    assert cached.load(NAME, kind="proof", protocol="1") == b"made here" and asked(proxy) == 0
    other = artifact_name(1, 18, "t", "proof")
    cached.put(other, artifact.pack("proof", b"made elsewhere", protocol="1"))
    for _ in range(3):
        assert cached.load(other, kind="proof", protocol="1") == b"made elsewhere"
    assert asked(proxy) == 1


def test_a_damaged_copy_is_replaced_from_the_store(cached: ArtifactStore, proxy: FaultyProxy) -> None:
    cached.save(NAME, "proof", b"bytes" * 99, protocol="1")
    assert cached.cache is not None
    path = cached.cache.folder / NAME
    path.write_bytes(path.read_bytes()[:-7])
    for _ in range(2):
        assert cached.load(NAME, kind="proof", protocol="1") == b"bytes" * 99
    assert asked(proxy) == 1


def test_wrong_bytes_are_not_kept(cached: ArtifactStore, proxy: FaultyProxy) -> None:
    cached.put(NAME, artifact.pack("proof", b"bytes" * 99, protocol="1"))
    proxy.fault("GET", "wrong", "wrong")
    with pytest.raises(ArtifactCorrupt):
        cached.load(NAME, kind="proof", protocol="1")
    assert cached.load(NAME, kind="proof", protocol="1") == b"bytes" * 99


def test_the_cache_keeps_its_limit_and_what_was_used_last(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path / "cache", 100_000)
    names = [artifact_name(1, number, "t", "x") for number in range(40)]
    for age, name in enumerate(reversed(names)):
        assert sum(map(len, cache.keep(name, 5000, [b"x" * 5000]))) == 5000
        if (path := cache.folder / name).exists():
            os.utime(path, (1e9 - age, 1e9 - age))
    used = cache.chunks(names[-1])
    held = [path for path in cache.folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in held) <= 100_000 * 1.1
    assert used is not None and b"".join(used) == b"x" * 5000, "the one of the first that was kept is still there"
    assert list(cache.keep("huge", 200_000, [b"y" * 200_000])) == [b"y" * 200_000]
    assert cache.chunks("huge") is None, "larger than all"


def test_a_cache_without_room_stops_nobody(tmp_path: Path) -> None:
    cache = ArtifactCache(tmp_path / "cache", 1000)
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").write_text("a file where the folder was")
    assert list(cache.keep("a/b", 3, [b"abc"])) == [b"abc"] and cache.chunks("a/b") is None


def test_settings_choose_server_keys_and_cache(object_store: ObjectStore, tmp_path: Path) -> None:
    variables = {name.removeprefix("HALLMARK_").lower(): value for name, value in object_store.variables().items()}
    settings = Settings.of(state_dir=tmp_path, **variables)
    assert "not secret" not in repr(settings)
    store = open_artifacts(settings)
    store.check()
    store.save(NAME, "proof", b"bytes", protocol="1")
    assert (tmp_path / "cache" / NAME).exists()
    assert open_artifacts(Settings.of(state_dir=tmp_path, store_cache=0, **variables)).cache is None


def test_a_store_over_http_is_read_and_not_written(tmp_path: Path) -> None:
    ArtifactStore(tmp_path.as_uri()).save(NAME, "proof", b"bytes", protocol="1")
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        store = ArtifactStore(f"http://127.0.0.1:{server.server_address[1]}")
        store.check()
        assert store.load(NAME, kind="proof", protocol="1") == b"bytes"
        with pytest.raises(ArtifactMissing):
            store.load(NAME + "s", kind="proof", protocol="1")
        for call in (functools.partial(store.put, "a", b"x"), functools.partial(store.delete, ["a"])):
            with pytest.raises(StoreReadOnly):
                call()
        server.shutdown()


@pytest.mark.parametrize("url", ["s3://", "s3://key:secret@bucket"])
def test_a_url_without_a_bucket_is_refused_and_a_secret_in_it_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as found:
        Settings.of(store_url=url)
    assert "secret" not in str(found.value).replace("HALLMARK_STORE_SECRET_KEY", "")


@pytest.mark.parametrize("where", ["s3", "file"])
def test_an_artifact_is_in_memory_once(object_store: ObjectStore, tmp_path: Path, where: str) -> None:
    variables = object_store.variables() if where == "s3" else {"HALLMARK_STORE_URL": (tmp_path / "store").as_uri()}
    program = f"""
import os, resource
from broker.artifacts import open_artifacts
from runtime.settings import load_settings

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

store = open_artifacts(load_settings())
store.save("warm", "proof", bytes({PART_BYTES} * 6), protocol="1")
payload = os.urandom({SIZE})
before = peak()
store.save("{NAME}", "proof", payload, protocol="1")
saved = peak() - before
digest = hash(payload)
del payload
loaded = store.load("{NAME}", kind="proof", protocol="1")
assert hash(loaded) == digest
print(saved, peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **variables, "HALLMARK_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    saved, loaded = map(int, done.stdout.split())
    assert saved < SIZE // 2 and loaded < SIZE // 2, (saved, loaded)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass
