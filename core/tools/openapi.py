"""The HTTP interface as an OpenAPI document, made from the wire types and the route table."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from core.proofs.batch_file import BatchFile
from core.state_tree.proof import StateProof
from runtime.wire import BatchOffer, ErrorBody, ProofAccepted, ProofDataRequest

_JSON = "application/json"
_OCTETS = "application/octet-stream"
_TEMPLATE = "#/components/schemas/{name}"


def openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of core's server."""
    schemas, components = msgspec.json.schema_components(
        [ProofDataRequest, BatchOffer, ProofAccepted, ErrorBody, BatchFile, StateProof], ref_template=_TEMPLATE
    )
    for schema in components.values():
        # Python from 3.13 on keeps docstrings without their indentation.
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    request, offer, accepted, error, batch_file, state_proof = schemas
    batch = _parameter("batch", {"type": "integer", "minimum": 1})
    token = _parameter("Hallmark-Offer", {"type": "string"}, place="header")
    traceparent = _parameter("traceparent", {"type": "string"}, place="header", required=False)
    octets = {"type": "string", "format": "binary"}
    anything: dict[str, Any] = {"type": "object"}
    call = {"oneOf": [anything, {"type": "array", "items": anything}]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hallmark core", "version": "1"},
        "paths": {
            "/": {
                "post": _operation("JSON-RPC 2.0 for wallets.", error, call, body=call),
                "get": _operation("JSON-RPC 2.0 over a WebSocket, with subscriptions.", error, call),
            },
            "/proof_generation_data": {
                "post": _operation(
                    "Lend the oldest waiting batch, or the next one in the time given.",
                    error,
                    offer,
                    body=request,
                    parameters=[
                        _parameter(
                            "wait",
                            {"type": "number", "minimum": 0, "description": "Seconds; more than 30 count as 30."},
                            place="query",
                            required=False,
                        )
                    ],
                    more={"204": "No batch waits."},
                )
            },
            "/witness_inputs/{batch}": {
                "get": _operation("The witness input of a batch.", error, octets, kind=_OCTETS, parameters=[batch])
            },
            "/programs/{sha256}": {
                "get": _operation(
                    "The program that is proven.",
                    error,
                    octets,
                    kind=_OCTETS,
                    parameters=[_parameter("sha256", {"type": "string", "pattern": "^[0-9a-f]{64}$"})],
                )
            },
            "/renew_offer/{batch}": {
                "post": _operation(
                    "Extend an offer.",
                    error,
                    {"type": "object", "properties": {"offer_expires_at": {"type": "number"}}},
                    parameters=[batch, token],
                )
            },
            "/submit_proof/{batch}": {
                "post": _operation(
                    "Hand in a proof; 200 once core has verified it.",
                    error,
                    accepted,
                    body=octets,
                    body_kind=_OCTETS,
                    parameters=[batch, token | {"required": False}, traceparent],
                )
            },
            "/batches/{batch}": {"get": _operation("The batch file.", error, batch_file, parameters=[batch])},
            "/state_proof": {
                "get": _operation(
                    "Accounts after a batch, with what shows them under its state root.",
                    error,
                    state_proof,
                    parameters=[
                        _parameter(
                            "address",
                            {"type": "array", "items": {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}},
                            place="query",
                        ),
                        _parameter("batch", {"type": "integer", "minimum": 0}, place="query", required=False),
                    ],
                )
            },
            "/health": {"get": _operation("The process is up.", error, anything)},
            "/ready": {"get": _operation("The store answers and no part fails; 503 otherwise.", error, anything)},
            "/metrics": {"get": _operation("Prometheus metrics.", error, {"type": "string"}, kind="text/plain")},
        },
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _parameter(name: str, schema: dict[str, Any], *, place: str = "path", required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _operation(
    summary: str,
    error: dict[str, Any],
    answer: dict[str, Any],
    *,
    kind: str = _JSON,
    body: dict[str, Any] | None = None,
    body_kind: str = _JSON,
    parameters: list[dict[str, Any]] | None = None,
    more: dict[str, str] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": {kind: {"schema": answer}}},
            **{status: {"description": text} for status, text in (more or {}).items()},
            "default": {"description": "A refusal with its reason.", "content": {_JSON: {"schema": error}}},
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {body_kind: {"schema": body}}}
    return operation
