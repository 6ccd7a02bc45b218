"""JSON-RPC 2.0 over HTTP bodies: parsing, dispatch and the error codes that wallets expect.

Knows nothing about Ethereum: :mod:`core.ethereum_api` names the methods. Codes below -32000 are JSON-RPC's own,
-32000 and above those of EIP-1474.
"""

from __future__ import annotations

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

#: Calls in one HTTP request; wallets send a handful.
MAX_CALLS = 100

#: Brackets in one HTTP request; bounds the nesting before anything is parsed.
MAX_BRACKETS = 10 * MAX_CALLS

#: A method: positional parameters in, a JSON value out.
Method = Callable[[Sequence[Any]], Awaitable[Any]]

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
    """Answer one HTTP body with one or several calls.

    Returns
    -------
    bytes or None
        The JSON answer, or None when every call was a notification (which gets no answer).
    """
    if body.count(b"[") + body.count(b"{") > MAX_BRACKETS:
        return msgspec.json.encode(_failure(None, LIMIT_EXCEEDED, f"More than {MAX_BRACKETS} brackets in one request."))
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.json.encode(_failure(None, PARSE_ERROR, "The body is not JSON."))
    if isinstance(request, list):
        if not request:
            return msgspec.json.encode(_failure(None, INVALID_REQUEST, "The list of calls is empty."))
        if len(request) > MAX_CALLS:
            return msgspec.json.encode(_failure(None, LIMIT_EXCEEDED, f"More than {MAX_CALLS} calls in one request."))
        answers = [answer for call in request if (answer := await _answer(call, methods)) is not None]
        return msgspec.json.encode(answers) if answers else None
    answer = await _answer(request, methods)
    return None if answer is None else msgspec.json.encode(answer)


async def _answer(call: object, methods: Mapping[str, Method]) -> dict[str, object] | None:
    if not isinstance(call, dict) or call.get("jsonrpc") != "2.0" or not isinstance(call.get("method"), str):
        return _failure(None, INVALID_REQUEST, "Not a JSON-RPC 2.0 call.")
    identity = call.get("id")
    if isinstance(identity, bool) or not isinstance(identity, str | int | float | None):
        return _failure(None, INVALID_REQUEST, "The id is neither a string nor a number.")
    result = await _call(call["method"], call.get("params", []), methods)
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
