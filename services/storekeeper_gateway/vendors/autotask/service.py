"""Answers requests to Autotask's API: whose they are, what they ask for, and how what is wrong is told.

What is logged on the way carries the vendor, the verb, the address and the caller; never what else the client sent.
"""

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
from storekeeper_kit.interceptors import SLOW_CALL_S
from storekeeper_kit.json_text import dump_json_bytes
from storekeeper_kit.logs import Call as LoggedCall
from storekeeper_kit.logs import bound_call
from storekeeper_kit.refusals import InvalidRequest

from ...backends import Call, intent_of
from ...bodies import BadBody, BodyTooLong, read_body
from ...mapping import BadPayload, Table
from ...vendor import Gateway
from .errors import AWAY, STATUSES, Refused, bad_payload, no_route, refused, wrong_verb
from .exchange import Exchange
from .rest import VERSION, route, version_information, zone_information

NAME: Final = "autotask"
PREFIX_AS_WRITTEN: Final = "ATServicesRest"

CREDENTIALS: Final = ("ApiIntegrationCode", "UserName", "Secret")
CALLER_KEYS: Final = (TENANT_KEY, ACTOR_KEY, PERMISSIONS_KEY)
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
KEY_CHARS_MAX: Final = 255
IMPERSONATION: Final = "ImpersonationResourceId"

ADDRESS_CHARS_MAX: Final = 200
"""So much of an address is logged, which can be as long as the head of a request."""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Autotask:
    """Autotask's REST API, as a dialect of the gateway."""

    name: Final = NAME
    prefix: Final = PREFIX_AS_WRITTEN.casefold()

    async def answer(self, request: Request, segments: tuple[str, ...], gateway: Gateway) -> Response:
        """The answer to a request below the prefix. `segments` are the rest of its address, in lower case."""
        address = request.scope["path"][:ADDRESS_CHARS_MAX]
        call = LoggedCall(request.method, ids={"vendor": self.name, "address": address})
        bound_call.set(call)
        began = time.monotonic()
        response = await self._told(request, segments, gateway, call)
        duration_s = time.monotonic() - began
        if duration_s > SLOW_CALL_S:
            log.warning("request_slow", status=response.status_code, duration_s=round(duration_s, 3))
        return response

    def refuse(self, status: int, *sentences: str) -> Response:
        """What is wrong, in Autotask's envelope: one for verbs, another one for all else."""
        if status == STATUSES["WRONG_VERB"]:
            return _json(status, {"Message": " ".join(sentences)})
        return _json(status, {"errors": list(sentences)})

    async def _told(self, request: Request, segments: tuple[str, ...], gateway: Gateway, call: LoggedCall) -> Response:
        try:
            async with asyncio.timeout(gateway.timeout_s):
                return _json(200, await _answer(request, segments, gateway, call))
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told in the vendor's way
            refusal = _refusal(error, gateway)
            if refusal is None:
                refusal = _failure(error)
            else:
                log.info("request_refused", status=refusal.status, reason=refusal.reason)
            return self.refuse(refusal.status, *refusal.sentences)


def _refusal(error: Exception, gateway: Gateway) -> Refused | None:
    """What the client is told; None if nobody has thought of this error."""
    match error:
        case Refused():
            return error
        case BadBody():
            return Refused(str(error), reason="BAD_BODY")
        case BodyTooLong():
            return Refused(f"The body is longer than {gateway.body_bytes_max} bytes.", reason="BODY_TOO_LONG")
        case TimeoutError():
            return Refused(AWAY, reason="DEADLINE_PASSED")
        case ClientDisconnect():
            return Refused("The body is cut short.", reason="BAD_BODY")
        case _:
            return None


def _failure(error: Exception) -> Refused:
    """What the client is told of a defect, which is logged whole under the id that is told."""
    error_id = uuid.uuid4()
    log.error("request_failed", error_id=str(error_id), exc_info=error)
    return Refused(f"An error occurred, which is logged under the id {error_id}.", reason="INTERNAL_ERROR")


async def _answer(request: Request, segments: tuple[str, ...], gateway: Gateway, logged: LoggedCall) -> dict[str, Any]:
    base_url = f"{gateway.base_url(request)}/{PREFIX_AS_WRITTEN}"
    match request.method, segments:
        case "GET", ("versioninformation",):
            return version_information()
        case "GET", (version, "zoneinformation") if version == VERSION:
            return zone_information(base_url, _parameters(request).get("user"))
        case _, ("versioninformation",):
            raise wrong_verb(request.method)
        case _, (version, "zoneinformation") if version == VERSION:
            raise wrong_verb(request.method)
        case _, (version, *rest) if version == VERSION:
            logged.caller = caller = _caller(request)
            return await _authorized(request, tuple(rest), gateway, caller, f"{base_url}/{VERSION.upper()}")
        case _:
            raise no_route()


async def _authorized(
    request: Request, segments: tuple[str, ...], gateway: Gateway, caller: Caller, base_url: str
) -> dict[str, Any]:
    handler, names = route(request.method, segments)
    call = Call(
        backends=gateway.backends,
        caller=caller,
        deadline=time.monotonic() + gateway.timeout_s,
        intent=_intent(request, caller),
    )
    exchange = Exchange(
        verb=request.method,
        parameters=_parameters(request),
        impersonated=request.headers.get(IMPERSONATION),
        body=await read_body(request, gateway.body_bytes_max),
        call=call,
        base_url=base_url,
        names=names,
    )
    try:
        return await handler(exchange)
    except BadPayload as error:
        raise bad_payload(error) from error
    except grpc.aio.AioRpcError as error:
        raise refused(failure_of(error), _table(exchange)) from error


def _table(exchange: Exchange) -> Table | None:
    return exchange.entity.table if "entity" in exchange.names else None


def _parameters(request: Request) -> dict[str, str]:
    """What the query of the address says: names count in any case of letters, and the first one of a name."""
    return {name.casefold(): value for name, value in reversed(request.query_params.multi_items())}


def _caller(request: Request) -> Caller:
    """Any complete set of credentials will do while no API users are configured, which is why only this machine can call.

    The tenant and the permissions come from the same headers as over gRPC.
    """
    absent = [name for name in CREDENTIALS if not request.headers.get(name, "").strip()]
    if absent:
        raise Refused(f"Authentication failed: no {' and no '.join(absent)} in the headers.", reason="NO_CREDENTIALS")
    said = [(key, value) for key in CALLER_KEYS for value in request.headers.getlist(key)]
    if ACTOR_KEY not in request.headers:
        said.append((ACTOR_KEY, request.headers["UserName"].strip()))
    try:
        # Metadata of gRPC is ASCII. What is not is written out, so that no user is taken for another one.
        return read_caller((key, value.encode("ascii", "backslashreplace").decode()) for key, value in said)
    except InvalidRequest as error:
        raise Refused(f"A header is not acceptable: {error}.", reason="BAD_HEADER") from None


def _intent(request: Request, caller: Caller) -> uuid.UUID | None:
    keys = request.headers.getlist(IDEMPOTENCY_KEY)
    if not keys:
        return None
    if len(keys) > 1:
        raise Refused(f"{IDEMPOTENCY_KEY} is given more than once.", reason="BAD_HEADER")
    key = keys[0]
    if not (1 <= len(key) <= KEY_CHARS_MAX and key.isprintable()):
        raise Refused(f"{IDEMPOTENCY_KEY} must have 1 to {KEY_CHARS_MAX} printable characters.", reason="BAD_HEADER")
    return intent_of(caller, NAME, key)


def _json(status: int, content: Mapping[str, Any]) -> Response:
    return Response(dump_json_bytes(content), status, media_type="application/json")
