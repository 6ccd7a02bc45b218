"""JSON-RPC 2.0, whatever carries it: parsing, dispatch and the error codes that wallets expect.

Knows nothing about Ethereum: :mod:`core.api.ethereum_api` names the methods. Codes below -32000 are JSON-RPC's own,
-32000 and above those of EIP-1474.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from runtime.errors import HallmarkError
from runtime.logging import get_logger
from runtime.os_errors import resource_error

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
TRANSACTION_REFUSED = -32000
LIMIT_EXCEEDED = -32005

#: Calls in one request; go-ethereum's limit too.
MAX_CALLS = 1000

#: Brackets in one request, opening and closing; bounds what parsing costs.
MAX_BRACKETS = 1 << 16

#: Lists and objects within each other; a transaction's access list is the deepest that a method takes.
MAX_DEPTH = 32

#: Bytes of the answers to one list of calls; the calls that come after are refused.
MAX_ANSWER_BYTES = 25 << 20

#: A method: positional parameters in, a JSON value out.
Method = Callable[[Sequence[Any]], Awaitable[Any]]

_BRACKETS = re.compile(rb"[][{}]")

log = get_logger(__name__)


class RpcError(Exception):
    """An error with a JSON-RPC code, told to the caller as it is.

    Attributes
    ----------
    code : int
        One of the codes of this module.
    message : str
        One sentence for the wallet's user.
    data : object
        Anything more, as JSON; None leaves it out.
    """

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


async def respond(body: bytes, methods: Mapping[str, Method]) -> bytes | None:
    """Answer one body with one or several calls; a list of calls is answered by a list, whatever is wrong with it.

    Returns
    -------
    bytes or None
        The JSON answer, or None when every call was a notification (which gets no answer).
    """
    refusal = _refused_unparsed(body)
    if refusal is None:
        try:
            request = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return msgspec.json.encode(_failure(None, PARSE_ERROR, "The body is not JSON."))
        if isinstance(request, list) and request:
            return await _answer_list(request, methods)
        if isinstance(request, list):
            refusal = _failure(None, INVALID_REQUEST, "The list of calls is empty.")
        else:
            refusal = await _answer(request, methods)
    elif body.lstrip()[:1] == b"[":
        return msgspec.json.encode([refusal])
    return None if refusal is None else msgspec.json.encode(refusal)


def _refused_unparsed(body: bytes) -> dict[str, object] | None:
    """Refuse what would cost too much to parse. Deep nesting overflows the C stack of decoders that recurse."""
    opening = body.count(b"[") + body.count(b"{")
    if opening + body.count(b"]") + body.count(b"}") > MAX_BRACKETS:
        return _failure(None, LIMIT_EXCEEDED, f"More than {MAX_BRACKETS} brackets in one request.")
    depth = deepest = 0
    for bracket in _BRACKETS.findall(body) if opening > MAX_DEPTH else ():
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        return _failure(None, LIMIT_EXCEEDED, f"More than {MAX_DEPTH} brackets within each other in one request.")
    return None


async def _answer_list(calls: list[object], methods: Mapping[str, Method]) -> bytes | None:
    answers: list[bytes] = []
    size = 0
    too_long = f"More than {MAX_CALLS} calls in one request; send several." if len(calls) > MAX_CALLS else ""
    for call in calls:
        reason = too_long or (f"The answers exceed {MAX_ANSWER_BYTES} bytes." if size > MAX_ANSWER_BYTES else "")
        answer = _refuse(call, reason) if reason else await _answer(call, methods)
        if answer is not None:
            answers.append(msgspec.json.encode(answer))
            size += len(answers[-1])
    return b"[" + b",".join(answers) + b"]" if answers else None


def _refuse(call: object, reason: str) -> dict[str, object] | None:
    """Refuse a call of a list for a limit of the whole list."""
    if not isinstance(call, dict):
        return _failure(None, INVALID_REQUEST, "Not a JSON-RPC 2.0 call.")
    if "id" not in call:
        return None
    identity = call["id"]
    known = isinstance(identity, str | int | float) and not isinstance(identity, bool)
    return _failure(identity if known else None, LIMIT_EXCEEDED, reason)


async def _answer(call: object, methods: Mapping[str, Method]) -> dict[str, object] | None:
    if not isinstance(call, dict) or call.get("jsonrpc") != "2.0" or not isinstance(call.get("method"), str):
        return _failure(None, INVALID_REQUEST, "Not a JSON-RPC 2.0 call.")
    identity = call.get("id")
    if isinstance(identity, bool) or not isinstance(identity, str | int | float | None):
        return _failure(None, INVALID_REQUEST, "The id is neither a string nor a number.")
    parameters = call.get("params")
    result = await _call(call["method"], [] if parameters is None else parameters, methods)
    if "id" not in call:
        return None
    if isinstance(result, RpcError):
        return _failure(identity, result.code, result.message, result.data)
    return {"jsonrpc": "2.0", "id": identity, "result": result}


async def _call(name: str, parameters: object, methods: Mapping[str, Method]) -> Any:
    method = methods.get(name)
    if method is None:
        return RpcError(METHOD_NOT_FOUND, f"The method {name[:64]} does not exist.")
    if not isinstance(parameters, list):
        return RpcError(INVALID_PARAMS, "Parameters are given by position.")
    try:
        return await method(parameters)
    except RpcError as error:
        return error
    except HallmarkError as error:
        log.warning("rpc.failed", rpc=name, code=error.code, reason=error.message)
        return _told(error)
    except Exception as error:
        log.exception("rpc.failed", rpc=name)
        spent = resource_error(error)
        return _told(spent) if spent else RpcError(INTERNAL_ERROR, "Internal error; the log of core says more.")


def _told(error: HallmarkError) -> RpcError:
    return RpcError(INTERNAL_ERROR, str(error), {"code": error.code, "remedy": error.remedy})


def _failure(identity: object, code: int, message: str, data: object = None) -> dict[str, object]:
    error: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return {"jsonrpc": "2.0", "id": identity, "error": error}
