"""The JSON-RPC connection to L1's node. Its URL may hold a password or a key, so no error and no log repeats it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint, RPCResponse

from core.eth_sender.errors import L1Unavailable

#: Seconds that one request may take.
REQUEST_SECONDS = 20.0


class _Provider(HTTPProvider):
    """An HTTP provider whose failures say nothing of its URL."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Make one request; it is not repeated here, the sender's next look does that.

        Raises
        ------
        L1Unavailable
            No answer, or one that is not JSON.
        """
        try:
            return super().make_request(method, params)
        except (OSError, ValueError) as error:
            failure = f"L1's node does not answer {method}: {type(error).__name__}."
        # Outside the handler, so that no traceback shows the library's own words, which hold the URL.
        raise L1Unavailable(failure)


def connect(url: str) -> Web3:
    """Return a connection to the node at `url`; nothing is sent yet."""
    logging.getLogger("web3").setLevel(logging.WARNING)
    return Web3(_Provider(url, request_kwargs={"timeout": REQUEST_SECONDS}, exception_retry_configuration=None))


@contextlib.contextmanager
def typed_errors() -> Iterator[None]:
    """Turn what the client library raises about a node's answers into an error of the tree.

    Raises
    ------
    L1Unavailable
    """
    try:
        yield
    except Web3Exception as error:
        raise L1Unavailable(f"L1's node answers with {type(error).__name__}: {error}.") from None
