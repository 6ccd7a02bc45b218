"""The LMDB file below a state tree: chunks of its log, its versions, and whose it is."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, takewhile
from pathlib import Path
from weakref import WeakValueDictionary

import lmdb
import numpy as np

from core.state_tree.errors import StateTreeDamaged, TreeUnusable
from runtime.errors import DiskFull, OutOfDescriptors
from runtime.private import FILE_MODE, private_folder

#: Addresses that are set aside for the file to grow into, in bytes. Nothing is allocated, but a process has only 2^47
#: addresses, and this is the size at which the tree says that it cannot grow.
MAP_BYTES = 1 << 38

#: Names of the three tables.
CHUNKS, VERSIONS, FACTS = b"chunks", b"versions", b"facts"

#: What the file holds; raised when a record or a state is written in another way.
FORMAT = b"1"

#: Readers at a time, of all processes together.
_READERS = 512


class Environment:
    """An open LMDB file; a process has it open once, so :meth:`at` hands out the one that is there.

    A value of a page or more lies on pages of its own. They are not written again, and not used for anything else as
    long as a transaction that was there before is open; so native code reads chunks where they lie.

    Parameters
    ----------
    folder
        Made when missing, for its owner alone.
    read_only
        Nothing is made or written; another process may write meanwhile.

    Raises
    ------
    TreeUnusable
        The file cannot be opened.
    StateTreeDamaged
        It is not one of a state tree, or one of another release.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        if not read_only:
            private_folder(folder)
        self.read_only = read_only
        with explained():
            self._environment = lmdb.open(
                str(folder),
                map_size=MAP_BYTES,
                max_dbs=3,
                max_readers=_READERS,
                mode=FILE_MODE,
                readonly=read_only,
                readahead=False,
            )
            self._tables = {
                name: self._environment.open_db(name, create=not read_only) for name in (CHUNKS, VERSIONS, FACTS)
            }
            self._check_format(read_only)
            if not read_only:
                self._environment.reader_check()

    def _check_format(self, read_only: bool) -> None:
        with self._environment.begin(write=not read_only) as transaction:
            known = transaction.get(b"format", db=self._tables[FACTS])
            if known is None and not read_only:
                transaction.put(b"format", FORMAT, db=self._tables[FACTS])
            elif known != FORMAT:
                raise StateTreeDamaged(f"The state tree has format {known!r}, this release knows {FORMAT!r}.")

    @classmethod
    def at(cls, folder: Path, *, read_only: bool = False) -> Environment:
        """Return the file of a folder, which is closed when nobody refers to it any more."""
        path = folder.resolve()
        with _opening:
            known = _open.get(path)
            if known is None:
                known = _open[path] = cls(path, read_only=read_only)
            return known

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Open the one transaction that writes; it is durable when the block has ended."""
        with explained(), self._environment.begin(write=True, buffers=True) as transaction:
            yield Transaction(transaction, self._tables)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Open a transaction that sees the file as it is now, whatever is written meanwhile."""
        with explained(), self._environment.begin(buffers=True) as transaction:
            yield Transaction(transaction, self._tables)

    def size(self) -> int:
        """Return the bytes of the file."""
        return Path(self._environment.path(), "data.mdb").stat().st_size


_opening = threading.Lock()
_open: WeakValueDictionary[Path, Environment] = WeakValueDictionary()


class Transaction:
    """What is read and written together; keys of the tables are numbers."""

    def __init__(self, transaction: lmdb.Transaction, tables: dict[bytes, lmdb._Database]) -> None:
        self._transaction = transaction
        self._tables = tables

    @property
    def snapshot(self) -> int:
        """The number of the last transaction that this one sees."""
        return int(self._transaction.id())

    def put(self, table: bytes, number: int, content: bytes | memoryview) -> None:
        """Write a value."""
        self._transaction.put(_key(number), content, db=self._tables[table])

    def delete(self, table: bytes, number: int) -> None:
        """Remove a value, where there is one."""
        self._transaction.delete(_key(number), db=self._tables[table])

    def get(self, table: bytes, number: int) -> bytes | None:
        """Return a value, or None."""
        content = self._transaction.get(_key(number), db=self._tables[table])
        return None if content is None else bytes(content)

    def address(self, table: bytes, number: int) -> int:
        """Return where a value lies in memory; zero where there is none."""
        content = self._transaction.get(_key(number), db=self._tables[table])
        return 0 if content is None else _address(content)

    def below(self, table: bytes, number: int, limit: int = 1 << 62) -> list[int]:
        """Return the keys of a table that are below a number, from the first one on, at most `limit`."""
        keys = self._transaction.cursor(db=self._tables[table]).iternext(keys=True, values=False)
        return list(islice(takewhile(lambda key: key < number, map(_number, keys)), limit))

    def above(self, table: bytes, number: int) -> list[int]:
        """Return the keys of a table that are above a number, from the last one on."""
        keys = self._transaction.cursor(db=self._tables[table]).iterprev(keys=True, values=False)
        return list(takewhile(lambda key: key > number, map(_number, keys)))

    def addresses(self, table: bytes) -> dict[int, int]:
        """Return where every value of a table lies in memory."""
        cursor = self._transaction.cursor(db=self._tables[table])
        return {_number(key): _address(content) for key, content in cursor.iternext(keys=True, values=True)}

    def ends(self, table: bytes) -> tuple[int, int] | None:
        """Return the first and the last key of a table, or None when it is empty."""
        cursor = self._transaction.cursor(db=self._tables[table])
        if not cursor.first():
            return None
        first = _number(cursor.key())
        cursor.last()
        return first, _number(cursor.key())

    def drop(self, table: bytes) -> None:
        """Remove everything of a table."""
        self._transaction.drop(self._tables[table], delete=False)


@contextmanager
def explained() -> Iterator[None]:
    """Turn LMDB's errors into typed ones.

    Raises
    ------
    DiskFull, OutOfDescriptors
        The system refuses.
    StateTreeDamaged
        The file is not what LMDB wrote.
    TreeUnusable
        Anything else.
    """
    try:
        yield
    except (lmdb.CorruptedError, lmdb.InvalidError, lmdb.PageNotFoundError, lmdb.VersionMismatchError) as error:
        raise StateTreeDamaged(f"The state tree's file is damaged: {error}.") from error
    except lmdb.Error as error:
        text = str(error)
        if isinstance(error, lmdb.MapFullError) or os.strerror(errno.ENOSPC) in text:
            raise DiskFull("The state tree cannot grow: the disk is full.") from error
        if os.strerror(errno.EMFILE) in text:
            raise OutOfDescriptors() from error
        raise TreeUnusable(f"The state tree's file cannot be used: {text}.") from error


def _key(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _number(key: bytes | memoryview) -> int:
    return int.from_bytes(key, "big")


def _address(content: bytes | memoryview) -> int:
    return int(np.frombuffer(content, dtype=np.uint8).ctypes.data)
