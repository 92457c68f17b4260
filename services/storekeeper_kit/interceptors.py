"""What happens around each call to a method of ours, in one visible order: LAYERS.

A layer is a function from a method's behaviour to the behaviour around it. The layers are put around a method when it is
first called, and not again for each call. To a layer all four kinds of method look alike: a behaviour takes the request,
or the stream of them, and returns the response, or writes a stream of them and returns None.
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import grpc
import structlog
from google.protobuf.message import DecodeError

from storekeeper_kit.caller import bind_caller, read_caller
from storekeeper_kit.deadline import bind_deadline
from storekeeper_kit.logs import Call, bound_call
from storekeeper_kit.refusals import (
    DeadlineExceeded,
    InvalidRequest,
    Overloaded,
    Refusal,
    Table,
    Violation,
    abort,
    internal_error,
    refusal_for,
)
from storekeeper_kit.streams import Context, Ending, write

# Health and reflection are gRPC's own, and answer even when ours refuse.
OUR_METHODS = "/storekeeper."
SLOW_CALL_S = 1.0
# What the requests of all calls in flight may take together. Each is held several times over while it is on its way: as it
# came, as it was read, as it waits, and as it is written for who answers it.
REQUEST_BYTES_MAX = 64 * 1024 * 1024
NEVER_S = math.inf

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

Behaviour = Callable[[Any, Context], Awaitable[Any]]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class InFlight:
    """Counts calls that are being answered, and the bytes of their requests, up to a bound each."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._count = 0
        self._bytes = 0
        self._none_left = asyncio.Event()
        self._none_left.set()

    def enter(self, size: int = 0) -> None:
        """Counts one more, whose request has so many bytes; raises Overloaded beyond the bounds."""
        if self._count >= self._maximum or self._bytes + size > REQUEST_BYTES_MAX:
            raise Overloaded
        self._count += 1
        self._bytes += size
        self._none_left.clear()

    def leave(self, size: int = 0) -> None:
        """Counts one less."""
        self._count -= 1
        self._bytes -= size
        if self._count == 0:
            self._none_left.set()

    async def drained(self) -> None:
        """Returns when no call is being answered."""
        await self._none_left.wait()


@dataclass(frozen=True, slots=True)
class Method:
    """What the layers know about the method that they are put around."""

    name: str
    refusals: Table
    in_flight: InFlight
    ending: Ending
    timeout_s: float
    timeout_max_s: float
    stall_timeout_s: float | None
    takes_stream: bool
    answers_stream: bool

    @property
    def is_stream(self) -> bool:
        """Whether there may be more than one message each way."""
        return self.takes_stream or self.answers_stream


Layer = Callable[[Method, Behaviour], Behaviour]


def log_calls(method: Method, behaviour: Behaviour) -> Behaviour:
    """Lends its ids to every line that is logged during the call, and logs a call that took long."""
    call_log = log.bind()

    async def logged(request: Any, context: Context) -> Any:
        bound_call.set(Call(method.name, request))
        began = time.monotonic()
        answering = behaviour(request, context)
        # A refused call's frames are kept until the collector comes.
        del request
        response = await answering
        duration_s = time.monotonic() - began
        if duration_s > SLOW_CALL_S and not method.is_stream:
            call_log.warning("call_slow", duration_s=round(duration_s, 3))
        else:
            call_log.debug("call_answered", duration_s=duration_s)
        return response

    return logged


def answer_refusals(method: Method, behaviour: Behaviour) -> Behaviour:
    """Turns an exception into its refusal; one that no table knows is a bug, logged whole under the id that is answered."""

    async def answered(request: Any, context: Context) -> Any:
        answering = behaviour(request, context)
        # A refused call's frames are kept until the collector comes.
        del request
        try:
            return await answering
        except grpc.aio.BaseError:
            # gRPC's own: the call was aborted already, or the client has gone.
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear of it
            refusal = _refusal_of(error, method)
        # Not while the error is handled: what ends the call would remember it, and by it every frame with its request.
        return await abort(context, refusal)

    return answered


def _refusal_of(error: Exception, method: Method) -> Refusal:
    refusal = refusal_for(error, method.refusals)
    if refusal is None:
        error_id = uuid.uuid4()
        log.error("call_failed", error_id=str(error_id), exc_info=error)
        return internal_error(error_id)
    # The exception's own words may be a driver's: they stay here.
    log.info("call_refused", code=refusal.code.name, reason=refusal.reason, cause=repr(error))
    return refusal


def limit_calls_in_flight(method: Method, behaviour: Behaviour) -> Behaviour:
    """Refuses a call beyond what the server accepts at once, before it costs more than to be read."""
    in_flight = method.in_flight

    async def limited(request: Any, context: Context) -> Any:
        size = request.ByteSize()
        in_flight.enter(size)
        try:
            return await behaviour(request, context)
        finally:
            in_flight.leave(size)

    async def limited_stream(request: Any, context: Context) -> Any:
        in_flight.enter()
        # Not before its end has gone out. Behind what a client doesn't take that may be when its connection ends, and so
        # long the last message is held for it.
        context.add_done_callback(cast("Any", lambda _: in_flight.leave()))
        return await behaviour(request, context)

    return limited_stream if method.is_stream else limited


def set_deadline(method: Method, behaviour: Behaviour) -> Behaviour:
    """Gives every call a deadline: the client's if it set one, a bounded one in any case; a stream may do without."""

    async def timed(request: Any, context: Context) -> Any:
        given_s = cast("float | None", context.time_remaining())
        timeout_s = min(method.timeout_s if given_s is None else given_s, method.timeout_max_s)
        bind_deadline(time.monotonic() + timeout_s)
        if timeout_s in {given_s, NEVER_S}:
            # None, or the client's own: gRPC ends the call then, on both sides, and a timer of ours would only cost time.
            return await behaviour(request, context)
        return await _ended_after(timeout_s, behaviour(request, context))

    return timed


async def _ended_after(timeout_s: float, call: Awaitable[Any]) -> Any:
    timeout = asyncio.timeout(timeout_s)
    try:
        async with timeout:
            return await call
    except TimeoutError as error:
        if timeout.expired():
            raise DeadlineExceeded from error
        raise


def end_streams_with_the_server(method: Method, behaviour: Behaviour) -> Behaviour:
    """Ends a stream when its server stops: at once, or when it takes requests, after it has answered those that came."""
    ending = method.ending

    async def ended(request: Any, context: Context) -> Any:
        async with ending.scope():
            return await behaviour(request, context)

    async def answered(requests: Any, context: Context) -> Any:
        return await behaviour(ending.until(aiter(requests)), context)

    if method.takes_stream:
        return answered
    return ended if method.answers_stream else behaviour


def bind_the_caller(_method: Method, behaviour: Behaviour) -> Behaviour:
    """Reads who calls."""

    async def bound(request: Any, context: Context) -> Any:
        caller = read_caller(context.invocation_metadata() or ())
        bind_caller(caller)
        call = bound_call.get()
        assert call is not None, "log_calls comes first"
        call.caller = caller
        return await behaviour(request, context)

    return bound


def refuse_malformed_messages(_method: Method, behaviour: Behaviour) -> Behaviour:
    """Refuses bytes that are no message of the method's type; gRPC itself would answer with the parser's words."""

    async def parsed(request: Any, context: Context) -> Any:
        if isinstance(request, Malformed):
            raise InvalidRequest([NOT_A_MESSAGE])
        try:
            return await behaviour(request, context)
        except DecodeError as error:
            raise InvalidRequest([NOT_A_MESSAGE]) from error

    return parsed


# From the outside to the inside.
LAYERS: tuple[Layer, ...] = (
    log_calls,
    answer_refusals,
    limit_calls_in_flight,
    set_deadline,
    end_streams_with_the_server,
    bind_the_caller,
    refuse_malformed_messages,
)

NOT_A_MESSAGE = Violation("", "is not a message of the method's request type")


class Malformed:
    """Stands for a request that could not be parsed."""

    def ByteSize(self) -> int:  # noqa: N802 - as messages have it
        """Nothing is left of it."""
        return 0


class Interceptor(grpc.aio.ServerInterceptor):
    """Puts the layers around each method of ours."""

    def __init__(
        self, *, refusals: Table, timeout_s: float, timeout_max_s: float, stall_timeout_s: float, in_flight_max: int
    ) -> None:
        self._refusals = refusals
        self._timeout_s = timeout_s
        self._timeout_max_s = timeout_max_s
        self._stall_timeout_s = stall_timeout_s
        self._handlers: dict[str, Handler] = {}
        self._calls = InFlight(in_flight_max)
        self._streams = InFlight(in_flight_max)
        self._ending = Ending()

    async def drain(self) -> None:
        """Ends the streams, and returns when no call of ours is being answered any more."""
        self._ending.begin()
        await self._calls.drained()
        await self._streams.drained()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The handler with the layers around it."""
        name = handler_call_details.method
        if layered := self._handlers.get(name):
            return layered
        handler = await continuation(handler_call_details)
        if handler is None or not name.startswith(OUR_METHODS):
            return handler
        self._handlers[name] = _layered(self._method(name, handler), handler)
        return self._handlers[name]

    def _method(self, name: str, handler: Handler) -> Method:
        is_stream = handler.request_streaming or handler.response_streaming
        return Method(
            name=name,
            refusals=self._refusals,
            in_flight=self._streams if is_stream else self._calls,
            ending=self._ending,
            timeout_s=NEVER_S if is_stream else self._timeout_s,
            timeout_max_s=NEVER_S if is_stream else self._timeout_max_s,
            # Who is still asking may take the answers later: nothing more is read from a client until it does.
            stall_timeout_s=None if handler.request_streaming else self._stall_timeout_s,
            takes_stream=handler.request_streaming,
            answers_stream=handler.response_streaming,
        )


def _layered(method: Method, handler: Handler) -> Handler:
    behaviour = _behaviour(method, handler)
    for layer in reversed(LAYERS):
        behaviour = layer(method, behaviour)
    return _HANDLERS[handler.request_streaming, handler.response_streaming](
        behaviour,
        handler.request_deserializer if handler.request_streaming else _parser(handler.request_deserializer),
        _serializer(handler.response_serializer) if handler.response_streaming else None,
    )


_HANDLERS: dict[tuple[bool, bool], Callable[..., Handler]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def _behaviour(method: Method, handler: Handler) -> Behaviour:
    inner: Any = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    if method.answers_stream:
        return _writing(inner, method.stall_timeout_s)
    return _serializing(inner, handler.response_serializer)


def _serializing(inner: Behaviour, serialize: Callable[[Any], bytes] | None) -> Behaviour:
    """Serializes inside the layers, so that a response of the wrong type is answered like any other bug."""
    serializer = _serializer(serialize)
    if serializer is None:
        return inner

    async def serialized(request: Any, context: Context) -> bytes:
        return serializer(await inner(request, context))

    return serialized


def _serializer(serialize: Callable[[Any], bytes] | None) -> Callable[[Any], bytes] | None:
    """Lets through what comes as bytes: serialized elsewhere, or once for many streams."""
    if serialize is None:
        return None
    return lambda response: response if isinstance(response, bytes) else serialize(response)


def _writing(inner: Callable[[Any, Context], Any], stall_timeout_s: float | None) -> Behaviour:
    """Makes an async generator look like the other behaviours. It is asked for a response when the last one has gone out."""

    async def written(request: Any, context: Context) -> None:
        responses = inner(request, context)
        if not isinstance(responses, AsyncGenerator):
            # It writes by itself.
            await responses
            return
        async with aclosing(responses):
            async for response in responses:
                await write(context, response, stall_timeout_s)
                # The next one may be long in coming.
                del response

    return written


def _parser(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    if deserialize is None:
        return None

    def parse(message: bytes) -> Any:
        try:
            return deserialize(message)
        except DecodeError:
            return Malformed()

    return parse
