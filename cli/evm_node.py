"""``python -m cli.evm_node --port N``: an L1 for demos on machines without Node, py-evm behind JSON-RPC on loopback.

It mines each transaction at once, keeps nothing, and has the accounts of the mnemonic that development tools publish.
"""

from __future__ import annotations

import argparse
import ast
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth.validation import ValidationError  # type: ignore[attr-defined]  # of eth-utils, as py-evm raises it
from eth.vm.forks.cancun import CancunVM
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionFailed
from web3 import EthereumTesterProvider, Web3
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint, RPCResponse

from cli.wallet import MNEMONIC

#: Largest request, in bytes.
MAX_REQUEST = 16 << 20
_BLOOM = "logsBloom"


class EvmProvider(EthereumTesterProvider):
    """py-evm in this process, with the answers that nodes give where eth-tester raises."""

    def __init__(self) -> None:
        backend = PyEVMBackend.from_mnemonic(MNEMONIC, vm_configuration=((0, CancunVM),), hd_path="m/44'/60'/0'/0")
        super().__init__(EthereumTester(backend))

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Make one request."""
        try:
            return super().make_request(method, params)
        except TransactionFailed as error:
            data = f"0x{returned_by(error).hex()}"
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": "execution reverted", "data": data}}
        except ValidationError as error:
            return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": str(error)}}


def returned_by(error: TransactionFailed) -> bytes:
    """Return what a contract returned when it reverted: Python's bytes in eth-tester's words."""
    message = str(error).removeprefix("execution reverted: ")
    return bytes(ast.literal_eval(message)) if message.startswith(("b'", 'b"')) else b""


class Node:
    """JSON-RPC to a provider, one request at a time."""

    def __init__(self, provider: EvmProvider) -> None:
        web3 = Web3(provider)
        web3.middleware_onion.clear()
        self._ask: Callable[..., Any] = provider.request_func(web3, web3.middleware_onion)
        self._lock = threading.Lock()

    def answer(self, body: bytes) -> bytes:
        """Answer one request, or a list of them."""
        asked = json.loads(body)
        answers = [self._one(one) for one in asked] if isinstance(asked, list) else self._one(asked)
        return json.dumps(answers).encode()

    def _one(self, asked: Any) -> dict[str, Any]:
        if not isinstance(asked, dict) or not isinstance(asked.get("method"), str):
            return {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "This is no request."}}
        with self._lock:
            try:
                answer = self._ask(asked["method"], asked.get("params", []))
            except (Web3Exception, NotImplementedError, TypeError, ValueError) as error:
                answer = {"error": {"code": -32600, "message": f"{type(error).__name__}: {error}"}}
        shown = {"error": answer["error"]} if "error" in answer else {"result": _as_json(answer["result"])}
        return {"jsonrpc": "2.0", "id": asked.get("id"), **shown}


def _as_json(value: Any, name: str = "") -> Any:
    """Return a value as JSON-RPC writes it: numbers are hexadecimal texts."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"0x{value:0512x}" if name == _BLOOM else hex(value)
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, list | tuple):
        return [_as_json(one) for one in value]
    return {key: _as_json(one, key) for key, one in value.items()}


def serve(port: int) -> None:
    """Serve until the process ends."""
    node = Node(EvmProvider())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 < length <= MAX_REQUEST:
                self.send_error(413)
                return
            try:
                answer = node.answer(self.rfile.read(length))
            except ValueError:
                self.send_error(400)
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing of each request."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m cli.evm_node", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    serve(parser.parse_args().port)


if __name__ == "__main__":
    main()
