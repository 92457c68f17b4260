"""Answers requests to Autotask's API: whose they are, what they ask for, and how what is wrong is told."""

import asyncio
import time
import uuid
from collections.abc import Mapping
from typing import Any, Final

import grpc
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from storekeeper_kit.caller import ACTOR_KEY, PERMISSIONS_KEY, TENANT_KEY, Caller, read_caller
from storekeeper_kit.clients import failure_of
from storekeeper_kit.json_text import dump_json_bytes
from storekeeper_kit.refusals import InvalidRequest

from ...backends import Call, intent_of
from ...bodies import BadBody, BodyTooLong, read_body
from ...mapping import BadPayload, Table
from ...vendor import Gateway
from .errors import AWAY, MALFORMED, NO_CREDENTIALS, NO_ROUTE, TOO_LONG, Refused, WrongVerb, bad_payload, refused
from .rest import VERSION, Exchange, route, version_information, zone_information

NAME: Final = "autotask"
PREFIX: Final = "atservicesrest"
PREFIX_AS_WRITTEN: Final = "ATServicesRest"

CREDENTIALS: Final = ("ApiIntegrationCode", "UserName", "Secret")
CALLER_KEYS: Final = (TENANT_KEY, ACTOR_KEY, PERMISSIONS_KEY)
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
KEY_CHARS_MAX: Final = 255

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


async def answer(request: Request, segments: tuple[str, ...], gateway: Gateway) -> Response:
    """The answer to a request below the prefix. `segments` are the rest of its address, in lower case."""
    try:
        async with asyncio.timeout(gateway.timeout_s):
            return _json(200, await _answer(request, segments, gateway))
    except WrongVerb:
        message = f"The requested resource does not support http method '{request.method}'."
        return _json(405, {"Message": message})
    except Exception as error:  # noqa: BLE001 - whatever it is, the client is told in the vendor's way
        refusal = _refusal(error, gateway)
        return _json(refusal.status, {"errors": list(refusal.sentences)})


def _refusal(error: Exception, gateway: Gateway) -> Refused:
    """What the client is told. An error that nobody has thought of is logged whole, under the id that is told."""
    match error:
        case Refused():
            return error
        case BadBody():
            return Refused(str(error), status=MALFORMED)
        case BodyTooLong():
            return Refused(f"The body is longer than {gateway.body_bytes_max} bytes.", status=TOO_LONG)
        case TimeoutError():
            return Refused(AWAY)
        case ClientDisconnect():
            return Refused("The body is cut short.", status=MALFORMED)
        case _:
            error_id = uuid.uuid4()
            log.error("request_failed", error_id=str(error_id), exc_info=error)
            return Refused(f"An error occurred, which is logged under the id {error_id}.")


async def _answer(request: Request, segments: tuple[str, ...], gateway: Gateway) -> dict[str, Any]:
    base_url = f"{gateway.base_url(request)}/{PREFIX_AS_WRITTEN}"
    match request.method, segments:
        case "GET", ("versioninformation",):
            return version_information()
        case "GET", (version, "zoneinformation") if version == VERSION:
            return zone_information(base_url, request.query_params.get("user"))
        case _, ("versioninformation",):
            raise WrongVerb
        case _, (version, "zoneinformation") if version == VERSION:
            raise WrongVerb
        case _, (version, *rest) if version == VERSION:
            return await _authorized(request, tuple(rest), gateway, base_url)
        case _:
            raise Refused("There is nothing at this address.", status=NO_ROUTE)


async def _authorized(request: Request, segments: tuple[str, ...], gateway: Gateway, base_url: str) -> dict[str, Any]:
    caller = _caller(request)
    handler, names = route(request.method, segments)
    call = Call(
        backends=gateway.backends,
        caller=caller,
        deadline=time.monotonic() + gateway.timeout_s,
        intent=_intent(request, caller),
    )
    body = await read_body(request, gateway.body_bytes_max)
    exchange = Exchange(request=request, body=body, call=call, base_url=base_url, names=names)
    try:
        return await handler(exchange)
    except BadPayload as error:
        raise bad_payload(error) from error
    except grpc.aio.AioRpcError as error:
        raise refused(failure_of(error), _table(exchange)) from error


def _table(exchange: Exchange) -> Table | None:
    return exchange.entity.table if "entity" in exchange.names else None


def _caller(request: Request) -> Caller:
    """Any complete set of credentials will do while no API users are configured, which is why only this machine can call.

    The tenant and the permissions come from the same headers as over gRPC.
    """
    absent = [name for name in CREDENTIALS if not request.headers.get(name, "").strip()]
    if absent:
        raise Refused(f"Authentication failed: no {' and no '.join(absent)} in the headers.", status=NO_CREDENTIALS)
    said = [(key, value) for key in CALLER_KEYS for value in request.headers.getlist(key)]
    if ACTOR_KEY not in request.headers:
        said.append((ACTOR_KEY, request.headers["UserName"].strip()))
    try:
        # Metadata of gRPC is ASCII. What is not is written out, so that no user is taken for another one.
        return read_caller((key, value.encode("ascii", "backslashreplace").decode()) for key, value in said)
    except InvalidRequest as error:
        raise Refused(f"A header is not acceptable: {error}.", status=MALFORMED) from None


def _intent(request: Request, caller: Caller) -> uuid.UUID | None:
    keys = request.headers.getlist(IDEMPOTENCY_KEY)
    if not keys:
        return None
    if len(keys) > 1:
        raise Refused(f"{IDEMPOTENCY_KEY} is given more than once.", status=MALFORMED)
    key = keys[0]
    if not (1 <= len(key) <= KEY_CHARS_MAX and key.isprintable()):
        raise Refused(f"{IDEMPOTENCY_KEY} must have 1 to {KEY_CHARS_MAX} printable characters.", status=MALFORMED)
    return intent_of(caller, NAME, key)


def _json(status: int, content: Mapping[str, Any]) -> Response:
    return Response(dump_json_bytes(content), status, media_type="application/json")
