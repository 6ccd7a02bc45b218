"""Core and gateway over mutual TLS: who brings no certificate, or somebody else's, is refused by name."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.process.node import Node
from core.process.server import Server
from core.settings import load_core_settings
from gateway.core_client import CoreRefusal, CoreUnavailable
from gateway.settings import load_gateway_settings
from runtime.errors import ConfigurationError
from runtime.http_server import serve
from tests.core.chain import node_at
from tests.gateway.conftest import Prover, seal
from tests.gateway.test_gateway import proven
from tests.processes import started

NOW = datetime.datetime.now(datetime.UTC)


class Authority:
    """An authority and what it signs, as PEM files of a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._made(self._name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._signed(made))

    def certificate(self, name: str) -> tuple[Path, Path]:
        """Return the files of a new certificate, for 127.0.0.1, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = self._made(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key).add_extension(names, False)
        certificate, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(self._signed(made))
        plain = serialization.NoEncryption()
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return certificate, secret

    def _made(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
        day = datetime.timedelta(days=1)
        return made.serial_number(x509.random_serial_number()).not_valid_before(NOW - day).not_valid_after(NOW + day)

    def _signed(self, made: x509.CertificateBuilder) -> bytes:
        return made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.fixture
def node(tmp_path: Path, authority: Authority) -> object:
    certificate, key = authority.certificate("core")
    opened = node_at(
        tmp_path / "core", core_tls_certificate=certificate, core_tls_key=key, core_tls_clients=authority.file
    )
    yield opened
    opened.store.close()


@asynccontextmanager
async def serving(node: Node) -> AsyncIterator[str]:
    """Serve core as its process does, and yield its address."""
    process, addresses, up = started(node.settings, "core"), [], threading.Event()

    def told(found: object) -> None:
        addresses.extend(found)
        up.set()

    server = Server(node, process)
    options = {"host": "127.0.0.1", "port": 0, "prefix": "HALLMARK_CORE", "tls": node.core_settings.tls()}
    thread = threading.Thread(
        target=serve, args=(process, server.application(), server.pages), kwargs={**options, "started": told}
    )
    thread.start()
    try:
        assert await asyncio.to_thread(up.wait, 20)
        yield f"https://{addresses[0]}"
    finally:
        process.stopping.set()
        await asyncio.to_thread(thread.join, 20)


def facing(prover: Prover, url: str, authority: Path | None, pair: tuple[Path, Path] | None) -> None:
    prover.settings = prover.settings.model_copy(update={"core_url": url})
    certificate, key = pair or (None, None)
    changes = {"gateway_tls_authority": authority, "gateway_tls_certificate": certificate, "gateway_tls_key": key}
    prover.own = prover.own.model_copy(update=changes)


async def test_a_batch_goes_to_a_gateway_with_a_certificate_and_to_no_other(
    node: Node, prover: Prover, authority: Authority, tmp_path: Path
) -> None:
    seal(node)
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "authority")
    async with serving(node) as url:
        facing(prover, url, authority.file, None)
        gateway = prover.line()
        async with gateway.client:
            with pytest.raises(CoreRefusal, match=r"certificate_missing.*127\.0\.0\.1 brought no certificate"):
                await gateway.poll()
        for trusted, pair in ((authority.file, other.certificate("stranger")), (other.file, None)):
            facing(prover, url, trusted, pair)
            gateway = prover.line()
            async with gateway.client:
                with pytest.raises(CoreUnavailable):
                    await gateway.poll()
        assert not prover.jobs.database.read("SELECT id FROM batches")
        facing(prover, url, authority.file, authority.certificate("gateway"))
        gateway = prover.line()
        async with gateway.client:
            assert await gateway.poll()
            prover.work(node)
            assert await gateway.hand_back()
        assert proven(node) == 1
        # Whoever only asks for health, or sends transactions, needs none.
        trusting = prover.own.model_copy(update={"gateway_tls_certificate": None, "gateway_tls_key": None}).tls()
        async with aiohttp.ClientSession() as session, session.get(f"{url}/health", ssl=trusting) as answer:
            assert answer.status == 200


def test_half_of_a_pair_and_files_that_are_none_are_refused(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.certificate("core")
    for wrong in ({"core_tls_certificate": certificate}, {"core_tls_key": key}, {"core_tls_clients": authority.file}):
        with pytest.raises(ConfigurationError, match="set together"):
            load_core_settings(**wrong)
    with pytest.raises(ConfigurationError, match="set together"):
        load_gateway_settings(gateway_tls_key=key)
    with pytest.raises(ConfigurationError, match=r"core\.pem and its key .*authority\.pem cannot be used"):
        load_core_settings(core_tls_certificate=certificate, core_tls_key=authority.file).tls()
    with pytest.raises(ConfigurationError, match="holds no certificate of an authority"):
        load_gateway_settings(gateway_tls_authority=key).tls()
    with pytest.raises(ConfigurationError, match="holds no certificate of an authority"):
        load_gateway_settings(gateway_tls_authority=tmp_path / "absent").tls()
