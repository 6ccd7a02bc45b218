"""The state from L1 alone: a real contract on a real EVM, and nodes of L1 that lie about what was published."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3
from web3.exceptions import Web3RPCError
from web3.types import RPCEndpoint, RPCResponse

from core.eth_sender.errors import L1Mismatch
from core.eth_sender.executor import Executor
from core.formats import state_diffs
from core.formats.state_diffs import StateDiff
from core.recovery.errors import HistoryChanged, HistoryIncomplete, PublishedDataWrong
from core.recovery.published import Published
from core.recovery.rebuild import Rebuild, Rebuilt
from core.state.genesis import Genesis, read_genesis
from core.state_tree import StateTree
from core.store import Batch as CoreBatch
from tests.contracts.deployment import Batch, Evm, LocalEvm, Rollup, deploy
from tests.contracts.requests import deposit
from tests.core.eth_sender.rollup import Scene, local_l1, scene_on


def diff(account: int, balance: int, nonce: int = 1) -> StateDiff:
    return StateDiff(bytes([account]) * 20, nonce, balance)


@dataclass
class Chain:
    """A rollup whose batches change accounts as the test says; `tree` is at the newest batch that was committed."""

    rollup: Rollup
    genesis: Genesis
    folder: Path
    tree: StateTree
    batches: list[Batch] = field(default_factory=list)

    def commit(self, *changed: StateDiff, **other: Any) -> None:
        for one in changed:
            self.tree.update(one.address, one)
        number = self.rollup.state()[0] + 1
        batch = Batch(number, new_root=self.tree.root, state_diffs=state_diffs.encode(changed), **other)
        self.rollup.send(self.rollup.commit_data(batch))
        self.batches.append(batch)

    def execute(self, last: int) -> None:
        _, proven, _ = self.rollup.state()
        self.rollup.send(self.rollup.prove_data(last, [self.rollup.proof(n) for n in range(proven + 1, last + 1)]))
        self.rollup.send(self.rollup.execute_data(last))

    def rebuild(self, web3: Web3 | None = None, **options: Any) -> Rebuilt:
        return self.opened(web3, options.pop("blocks", 2048)).run(self.genesis, **options)

    def opened(self, web3: Web3 | None = None, blocks: int = 2048) -> Rebuild:
        web3 = web3 or self.rollup.evm.web3
        executor = Executor(web3, self.rollup.executor.address)
        return Rebuild(self.folder / "rebuilt", web3, executor, Published(web3, executor, blocks))


@pytest.fixture(scope="module")
def evm() -> LocalEvm:
    return LocalEvm()


@pytest.fixture
def chain(evm: LocalEvm, tmp_path: Path) -> Iterator[Chain]:
    state = evm.tester.take_snapshot()
    file = tmp_path / "genesis.json"
    accounts = {f"0x{one * 20}": {"balance": str(10**20)} for one in ("01", "02", "03")}
    head = {"fee_recipient": f"0x{'fe' * 20}", "base_fee": 1, "gas_limit": 30_000_000}
    file.write_text(json.dumps({**head, "accounts": accounts}))
    genesis = read_genesis(file)
    tree = StateTree(genesis.accounts)
    yield Chain(deploy(evm, genesis_root=tree.root), genesis, tmp_path, tree)
    evm.tester.revert_to_snapshot(state)


class Lies:
    """A node of L1 that gives other answers than the real one."""

    def __init__(self, evm: Evm, change: Callable[[str, Any], Any]) -> None:
        self._provider, self._change = evm.web3.provider, change
        self.asked: list[tuple[str, Any]] = []

    def web3(self) -> Web3:
        web3 = Web3(self._provider)

        def through(make_request: Callable[..., RPCResponse], _: Web3) -> Callable[..., RPCResponse]:
            def middleware(method: RPCEndpoint, params: Any) -> RPCResponse:
                self.asked.append((method, params))
                answer = make_request(method, params)
                if "result" in answer:
                    answer["result"] = self._change(method, answer["result"])
                return answer

            return middleware

        web3.middleware_onion.add(_Middleware.of(through), "lies")
        return web3


class _Middleware:
    """web3 builds middleware from a class that is called with the connection."""

    @classmethod
    def of(cls, through: Callable[..., Any]) -> Any:
        class Built:
            def __init__(self, web3: Web3) -> None:
                self._web3 = web3

            def wrap_make_request(self, make_request: Callable[..., RPCResponse]) -> Callable[..., RPCResponse]:
                wrapped: Callable[..., RPCResponse] = through(make_request, self._web3)
                return wrapped

        return Built


def test_the_tree_is_that_of_every_executed_batch(chain: Chain) -> None:
    chain.commit(diff(1, 5), diff(4, 7, 0))
    chain.execute(1)
    root = chain.tree.root
    chain.commit(diff(4, 0), diff(0xFE, 2**255, 0))
    assert (chain.rebuild().number, chain.rebuild().root) == (1, root)
    chain.execute(2)
    rebuilt = chain.rebuild()
    assert (rebuilt.number, rebuilt.root) == (2, chain.rollup.read("stateRoot")) == (2, chain.tree.root)
    with chain.opened().tree.version(2) as version:
        assert version.accounts([bytes([4]) * 20, b"\xfe" * 20, b"\x02" * 20]) == [(1, 0), (0, 2**255), (0, 10**20)]


def test_a_rollup_without_batches_has_the_root_of_genesis(chain: Chain) -> None:
    assert chain.rebuild().root == chain.rollup.read("stateRoot")


def test_a_batch_without_changes_is_followed(chain: Chain) -> None:
    chain.commit()
    chain.execute(1)
    assert chain.rebuild().number == 1


def test_what_was_taken_back_is_passed_over(chain: Chain) -> None:
    before = StateTree(chain.genesis.accounts)
    chain.commit(diff(1, 5))
    chain.commit(diff(2, 6))
    chain.rollup.send(chain.rollup.revert_data(0))
    chain.rebuild()
    chain.tree = before
    chain.commit(diff(3, 8))
    chain.commit(diff(2, 9))
    chain.execute(2)
    rebuilt = chain.rebuild()
    assert (rebuilt.number, rebuilt.root) == (2, chain.tree.root)


def test_an_abandoned_rollup_that_somebody_continued_is_followed(chain: Chain) -> None:
    """What nobody executed is dropped; the batch that went on is read from its own transaction."""
    rollup, evm = chain.rollup, chain.rollup.evm
    assert isinstance(evm, LocalEvm)
    deposit(rollup, 5)
    chain.commit(diff(1, 5))
    chain.execute(1)
    chain.commit(diff(2, 6))
    evm.tester.time_travel(int(evm.web3.eth.get_block("latest")["timestamp"]) + 9 * 86_400)
    chain.tree = StateTree(chain.genesis.accounts)
    for one in (diff(1, 5), diff(3, 8)):
        chain.tree.update(one.address, one)
    batch = Batch(2, new_root=chain.tree.root, state_diffs=state_diffs.encode([diff(3, 8)]), requests=1)
    rollup.commit_data(batch)
    continued = rollup.encode("continueAbandoned", batch.fields(), rollup.hashes[2], rollup.proof(2))
    rollup.send(continued, evm.stranger)
    rebuilt = chain.rebuild()
    assert (rebuilt.number, rebuilt.root) == (2, rollup.read("stateRoot")) == (2, chain.tree.root)


@pytest.mark.parametrize("ends_at", range(1, 9))
def test_a_run_that_ends_anywhere_goes_on_where_it_stood(chain: Chain, ends_at: int) -> None:
    class Ends(BaseException):
        pass

    for number in range(1, 4):
        chain.commit(diff(number, number))
    chain.execute(3)
    asked = 0

    def change(method: str, result: Any) -> Any:
        nonlocal asked
        asked += method in ("eth_getLogs", "eth_getTransactionByHash")
        if asked == ends_at:
            raise Ends
        return result

    with pytest.raises(Ends):
        chain.rebuild(Lies(chain.rollup.evm, change).web3(), blocks=1)
    seen = Lies(chain.rollup.evm, lambda method, result: result)
    rebuilt = chain.rebuild(seen.web3())
    assert (rebuilt.number, rebuilt.root) == (3, chain.tree.root)


def test_blocks_that_were_read_are_not_read_again(chain: Chain) -> None:
    chain.commit(diff(1, 1))
    chain.execute(1)
    block = chain.rebuild().block
    seen = Lies(chain.rollup.evm, lambda method, result: result)
    chain.commit(diff(2, 2))
    chain.execute(2)
    assert chain.rebuild(seen.web3()).number == 2
    firsts = [int(str(params[0]["fromBlock"]), 16) for method, params in seen.asked if method == "eth_getLogs"]
    assert firsts[0] == block + 1


def _forged(content: bytes) -> list[bytes]:
    """Other state diffs for those of a batch that changes two accounts, by what is wrong with them."""
    first, second = state_diffs.decode(content)
    richer = StateDiff(first.address, first.nonce, first.balance + 1)
    return [
        state_diffs.encode([richer, second]),
        state_diffs.encode([first]),
        state_diffs.encode([first, second, diff(9, 1)]),
        content[:-1],
        content + b"\x00",
        first.address + b"\x42" + b"\x01" + b"\x00\x05" + state_diffs.encode([second]),
        b"",
    ]


@pytest.mark.parametrize("number", range(7))
def test_other_state_diffs_do_not_lead_to_the_root(chain: Chain, number: int) -> None:
    chain.commit(diff(1, 5), diff(4, 7, 0))
    chain.execute(1)
    genuine = chain.batches[0]
    fields = list(genuine.fields())
    fields[-1] = _forged(genuine.state_diffs)[number]
    data = chain.rollup.encode("commitBatch", tuple(fields), chain.rollup.hashes[1])

    def change(method: str, result: Any) -> Any:
        return {**result, "input": data} if method == "eth_getTransactionByHash" else result

    with pytest.raises(PublishedDataWrong):
        chain.rebuild(Lies(chain.rollup.evm, change).web3())
    assert chain.rebuild().root == chain.tree.root


def test_the_data_of_another_batch_do_not_lead_to_the_root(chain: Chain) -> None:
    chain.commit(diff(1, 5))
    chain.commit(diff(2, 6))
    chain.execute(2)
    other = chain.rollup.encode("commitBatch", chain.batches[1].fields(), chain.rollup.hashes[2])
    for data in (other, other[:-1], b"", chain.rollup.execute_data(2)):

        def change(method: str, result: Any, data: bytes = data) -> Any:
            return {**result, "input": data} if method == "eth_getTransactionByHash" else result

        with pytest.raises(PublishedDataWrong):
            chain.rebuild(Lies(chain.rollup.evm, change).web3())


def _without(logs: Sequence[Any], left_out: int) -> list[Any]:
    return [log for index, log in enumerate(logs) if index != left_out]


@pytest.mark.parametrize("left_out", range(1, 5))
def test_a_node_that_leaves_out_an_event_is_found_out(chain: Chain, left_out: int) -> None:
    """Of the events of two batches, genesis' being the first."""
    chain.commit(diff(1, 5))
    chain.commit(diff(2, 6))
    chain.execute(2)

    def change(method: str, result: Any) -> Any:
        return _without(result, left_out) if method == "eth_getLogs" else result

    with pytest.raises(HistoryIncomplete):
        chain.rebuild(Lies(chain.rollup.evm, change).web3())


def test_a_node_that_gives_few_blocks_at_once_is_asked_for_fewer(chain: Chain) -> None:
    for number in range(1, 4):
        chain.commit(diff(number, number))
    chain.execute(3)

    def change(method: str, result: Any) -> Any:
        method_, params = lies.asked[-1]
        if method_ == "eth_getLogs" and int(str(params[0]["toBlock"]), 16) - int(str(params[0]["fromBlock"]), 16) > 1:
            raise Web3RPCError("too many")
        return result

    lies = Lies(chain.rollup.evm, change)
    assert chain.rebuild(lies.web3()).number == 3


def test_another_genesis_another_contract_and_another_l1_are_told(chain: Chain, tmp_path: Path) -> None:
    chain.commit(diff(1, 5))
    chain.execute(1)
    with pytest.raises(L1Mismatch):
        executor = Executor(chain.rollup.evm.web3, chain.rollup.executor.address)
        published = Published(chain.rollup.evm.web3, executor)
        Rebuild(tmp_path / "other", chain.rollup.evm.web3, executor, published).run(read_genesis(None))
    chain.rebuild()
    first = chain.rollup
    chain.rollup = deploy(first.evm, genesis_root=first.roots[0])
    with pytest.raises(HistoryChanged, match="of contract"):
        chain.rebuild()
    chain.rollup = first

    def change(method: str, result: Any) -> Any:
        return {**result, "hash": b"\x07" * 32} if method == "eth_getBlockByNumber" else result

    with pytest.raises(HistoryChanged, match="another block"):
        chain.rebuild(Lies(first.evm, change).web3())


def test_what_core_published_leads_to_its_own_root(tmp_path: Path) -> None:
    """Core seals, commits, proves and executes; the tree from L1 is core's."""
    with local_l1() as (evm, _):
        scene: Scene = scene_on(evm, tmp_path / "core")
        scene.seal(2)
        scene.prove(1, 2)
        scene.run()
        assert scene.state() == (2, 2, 2)
        executor = Executor(evm.web3, scene.contract.address)
        rebuilt = Rebuild(tmp_path / "rebuilt", evm.web3, executor, Published(evm.web3, executor)).run(
            read_genesis(None)
        )
        with scene.node.store.session():
            assert (rebuilt.number, rebuilt.root) == (2, CoreBatch.get_by_id(2).new_root)
        scene.node.store.close()
