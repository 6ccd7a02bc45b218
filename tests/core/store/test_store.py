"""Core's store: schema versions, column types, SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playhouse.migrations import Runner

from core.process.node import Node
from core.proofs.acceptance import proven_batch
from core.proofs.offers import Offers
from core.store import Batch, CoreSchemaError, Transaction, open_store
from core.store.database import HISTORY_TABLE, MIGRATIONS, connect_database
from runtime.errors import ConfigurationError
from tests.core.chain import WALLETS, Clock, node_at, stand_in_proof, transfer
from tests.servers import PostgreSQL, postgresql

__all__ = ["postgresql"]


def _prove_two_batches(node: Node, incoming: Path) -> None:
    for nonce in range(2):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()
        issued = node.offers.issue("prover")
        assert issued is not None
        offer, batch = issued
        proof = incoming / "proof"
        proof.write_bytes(stand_in_proof(batch.expected_output))
        assert node.acceptance.judge(batch.number, offer.token, proof, "")
    with node.store.session():
        assert proven_batch() == 2


def test_files_of_proven_batches_go_after_the_retention(tmp_path: Path) -> None:
    clock = Clock()
    node = node_at(tmp_path, clock)
    _prove_two_batches(node, tmp_path)
    node.sequencer.submit(transfer(WALLETS[0], 2))
    node.seal_and_settle()
    witnesses = tmp_path / "core" / "witnesses"
    assert (node.retention.remove_old(), len(list(witnesses.iterdir()))) == (0, 6)
    clock.now += 25 * 3600
    assert node.retention.remove_old() == 2
    assert sorted(path.name for path in witnesses.iterdir()) == ["batch-3.tree", "batch-3.witness"]
    assert node.retention.remove_old() == 0
    node.store.close()


def test_everything_works_on_postgresql_as_on_sqlite(postgresql: PostgreSQL, tmp_path: Path) -> None:
    url = postgresql.create_database()
    roots = []
    for name, database in (("sqlite", ""), ("postgresql", url)):
        folder = tmp_path / name
        node = node_at(folder, Clock(), core_database_url=database)
        _prove_two_batches(node, folder)
        with node.store.session():
            roots.append([row.new_root for row in Batch.select().order_by(Batch.number)])
        node.store.close()
    assert roots[0] == roots[1]
    again = node_at(tmp_path / "postgresql", Clock(), core_database_url=url)
    again.sequencer.submit(transfer(WALLETS[0], 2))
    assert again.seal_and_settle() == 3
    again.store.close()


def test_a_wrong_password_is_a_typed_error(postgresql: PostgreSQL) -> None:
    with pytest.raises(ConfigurationError) as error:
        open_store(postgresql.url(password="wrong"))
    assert "wrong" not in str(error.value)


def test_a_database_of_another_schema_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'core.db'}"
    open_store(url).close()
    database = connect_database(url)
    database.execute_sql(f"INSERT INTO {HISTORY_TABLE} (name, applied) VALUES ('0099_from_the_future', '2026-01-01')")
    database.close()
    with pytest.raises(CoreSchemaError, match="0099_from_the_future"):
        open_store(url)


def test_a_database_that_is_no_database_or_not_writable_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "core.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigurationError):
        open_store(f"sqlite:///{tmp_path / 'core.db'}")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError):
        open_store(f"sqlite:///{tmp_path / 'file' / 'core.db'}")


def test_wide_numbers_and_bytes_come_back_as_they_went_in(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'core.db'}")
    content = bytes(range(256))
    Transaction.create(
        hash=b"\x01" * 32,
        content=content,
        sender=b"\x02" * 20,
        nonce=(1 << 63) - 1,
        received_at=0.5,
        status="sealed",
        gas_price=(1 << 256) - 1,
    )
    row = Transaction.get(Transaction.hash == b"\x01" * 32)
    assert (row.content, row.gas_price, row.nonce) == (content, (1 << 256) - 1, (1 << 63) - 1)
    with pytest.raises(ValueError, match="256-bit"):
        Transaction.update(gas_price=1 << 256).execute()
    store.close()


def _ask_from_many_threads(node: Node) -> list[int]:
    for nonce in range(4):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()
    other = Offers(node.store, 1, 60)
    with ThreadPoolExecutor(8) as pool:
        issued = list(pool.map(lambda index: (node.offers if index % 2 else other).issue("p"), range(8)))
    node.store.close()
    return sorted(entry[1].number for entry in issued if entry is not None)


def test_concurrent_questions_never_get_the_same_batch(tmp_path: Path) -> None:
    assert _ask_from_many_threads(node_at(tmp_path)) == [1, 2, 3, 4]


def test_nor_do_they_on_postgresql(postgresql: PostgreSQL, tmp_path: Path) -> None:
    node = node_at(tmp_path, core_database_url=postgresql.create_database())
    assert _ask_from_many_threads(node) == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_numbers_of_older_stores_keep_their_values_when_they_are_widened(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url = f"sqlite:///{tmp_path / 'core.db'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgresql").create_database()
    database = connect_database(url)
    runner = Runner(database, str(MIGRATIONS), table_name=HISTORY_TABLE)
    runner.up("0002_l1")
    columns = "(hash, content, sender, nonce, received_at, status, batch_number, batch_index, gas_used)"
    for place, nonce in enumerate((0, 5, (1 << 63) - 1)):
        database.execute_sql(
            f"INSERT INTO core_transactions {columns} VALUES ('0{place}', '', '', {nonce}, 0, 'pending', 0, 0, 0)"
        )
    database.close()
    store = open_store(url)
    with store.session():
        assert [row.nonce for row in Transaction.select().order_by(Transaction.id)] == [0, 5, (1 << 63) - 1]
        Transaction.update(nonce=7).where(Transaction.nonce == (1 << 63) - 1).execute()
    store.close()
    runner.down("0004_wide_integers")
    assert [row[0] for row in database.execute_sql("SELECT nonce FROM core_transactions ORDER BY id")] == [0, 5, 7]
    database.close()
