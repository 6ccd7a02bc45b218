"""Migrations are numbered without gaps and twins, and every store that a release left behind ends at one schema."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from peewee import Database
from playhouse.migrations import Runner

from core.store import open_store
from core.store.database import HISTORY_TABLE, MIGRATIONS, RENAMED, connect_database

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = [path for path in ROOT.glob("*/*/migrations") if path.is_dir()]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_migrations_are_numbered_one_by_one(folder: Path) -> None:
    numbers = sorted(path.name.split("_")[0] for path in folder.glob("*.py"))
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]


def schema(database: Database) -> dict[str, set[tuple[str, str, bool]]]:
    tables = [name for name in database.get_tables() if name != HISTORY_TABLE]
    return {
        name: {(column.name, str(column.data_type).upper(), column.null) for column in database.get_columns(name)}
        for name in tables
    } | {f"{name} indexes": {(i.name, str(i.columns), i.unique) for i in database.get_indexes(name)} for name in tables}


def made_by_earlier_release(folder: Path, before: str) -> Database:
    """Return a store with the migrations before one."""
    old = folder / "migrations"
    old.mkdir()
    for path in MIGRATIONS.glob("*.py"):
        if path.stem < before:
            shutil.copyfile(path, old / path.name)
    database = connect_database(f"sqlite:///{folder / 'core.db'}")
    Runner(database, str(old), table_name=HISTORY_TABLE).up()
    return database


def test_batches_get_the_program_that_was_noted_of_their_version(tmp_path: Path) -> None:
    """Of a version that was noted by its identity, of one that was not, and genesis, which has none."""
    database = made_by_earlier_release(tmp_path, "0007")
    facts = {"identity_of_version_1": json.dumps({"program_commitment": "11" * 32}), "program_commitment": "22" * 32}
    for fact in facts.items():
        database.execute_sql("INSERT INTO core_facts (key, value) VALUES (?, ?)", fact)
    others = ("status", "sealed_at", "timestamp", "context", "transactions", "new_accounts", "old_root", "requests")
    values = ", 0" * len(others)
    insert = f"INSERT INTO core_batches (number, protocol_version, {', '.join(others)}) VALUES (?, ?{values})"
    for batch in ((0, 0), (1, 1), (2, 1), (3, 2)):
        database.execute_sql(insert, batch)
    database.close()
    store = open_store(f"sqlite:///{tmp_path / 'core.db'}")
    found = store.query("SELECT number, program_commitment FROM core_batches ORDER BY number")
    assert found == [(0, None), (1, "11" * 32), (2, "11" * 32), (3, "22" * 32)]
    store.close()


@pytest.mark.parametrize(
    "applied",
    [
        ("0001_initial", "0002_l1"),
        ("0001_initial", "0002_l1", "0003_l1_account"),
        ("0001_initial", "0002_l1", "0003_wide_integers"),
        ("0001_initial", "0002_l1", "0003_l1_account", "0003_wide_integers"),
    ],
    ids=["neither", "the account", "wide integers", "both"],
)
def test_a_store_that_ran_either_of_the_two_with_number_3_is_brought_up_to_date(
    tmp_path: Path, applied: tuple[str, ...]
) -> None:
    old = tmp_path / "migrations"
    old.mkdir()
    names = {name: old_name for old_name, name in RENAMED.items()}
    for path in MIGRATIONS.glob("*.py"):
        if (name := names.get(path.stem, path.stem)) in applied:
            shutil.copyfile(path, old / f"{name}.py")
    url = f"sqlite:///{tmp_path / 'core.db'}"
    database = connect_database(url)
    Runner(database, str(old), table_name=HISTORY_TABLE).up()
    database.close()

    fresh = f"sqlite:///{tmp_path / 'fresh.db'}"
    for each in (url, url, fresh):
        open_store(each).close()
    assert schema(connect_database(url)) == schema(connect_database(fresh))
    pending = [m.name for m in Runner(database, str(MIGRATIONS), table_name=HISTORY_TABLE).status() if not m.applied]
    assert pending == []
    database.close()
