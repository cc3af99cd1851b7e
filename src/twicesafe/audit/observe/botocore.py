"""AWS calls: taken from botocore after it built them, answered before it sends them.

This covers boto3's clients and resources, botocore itself, s3transfer's threads, pynamodb and whatever
else stands on botocore; for aiobotocore, whose answers must be awaited, the sockets see the request.
"""

from __future__ import annotations

import io
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from ..messages import Answer, AwsRequest
from .plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .link import Link


class Raw(io.BytesIO):
    """A body as urllib3's response offers it."""

    def stream(self, amount: int = 65_536, **_: Any) -> Any:
        while chunk := self.read(amount):
            yield chunk


class Calls:
    """Two handlers that botocore's new clients are given, before all others and after all others."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._built = threading.local()

    def install(self) -> None:
        """Be among the handlers of each client that is made from now on."""
        import botocore.handlers as theirs

        theirs.BUILTIN_HANDLERS.append(("before-parameter-build", self.capture))
        theirs.BUILTIN_HANDLERS.insert(0, ("before-send", self.forward))
        theirs.BUILTIN_HANDLERS.append(("after-call", self.fill))

    def capture(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        """Keep what is to be sent, with the token that botocore added."""
        self._built.model, self._built.parameters = model, plain(params)

    def forward(self, event_name: str, request: Any, **_: Any) -> Any:
        """Ask the world instead of AWS."""
        if _is_awaited():
            return None
        from botocore.awsrequest import AWSResponse
        from botocore.exceptions import ReadTimeoutError

        service, name = event_name.split(".", 2)[1:]
        model: Any = getattr(self._built, "model", None)
        known = model is not None and model.name == name
        answer = self._link.ask(
            AwsRequest(
                service=model.service_model.service_name if known else service,
                name=name,
                parameters=self._built.parameters if known else {},
                tokens=tuple(getattr(model, "idempotent_members", ())) if known else (),
                is_readonly=known and _trait(model, "readonly"),
                is_idempotent=known and _trait(model, "idempotent"),
                invocation=text_of(request.headers.get("amz-sdk-invocation-id")),
                method=request.method,
                url=request.url,
                headers={field: text_of(value) for field, value in request.headers.items()},
                body=body_of(request.body),
                line=self._link.line(),
                now=time.time(),
            )
        )
        if not isinstance(answer, Answer):
            raise ReadTimeoutError(endpoint_url=request.url)
        self._built.parsed = answer.parsed
        headers: Any = answer.headers
        return AWSResponse(request.url, answer.status, headers, Raw(answer.body))

    def fill(self, parsed: dict[str, Any], **_: Any) -> None:
        """Put in the answer that the world was told to give."""
        given = getattr(self._built, "parsed", None)
        if given is not None:
            parsed.update(given)
            self._built.parsed = None


def share_models() -> None:
    """Let all sessions of this process, and of its forks, share the models that were read once."""
    from botocore.loaders import Loader

    shared: dict[tuple[str, ...], dict[Any, Any]] = {}
    theirs: Any = Loader

    def of(loader: Any) -> dict[Any, Any]:
        return shared.setdefault(tuple(loader.search_paths), {})

    theirs._cache = property(of, lambda *_: None)  # noqa: SLF001 - it has no other name


def _is_awaited() -> bool:
    """Whether aiobotocore emits this."""
    frame = sys._getframe(2)  # noqa: SLF001 - botocore does not say who emits
    for _ in range(4):
        if "aiobotocore" in frame.f_code.co_filename:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


def _trait(model: Any, name: str) -> bool:
    """Newer models carry traits; older ones have none."""
    return bool(getattr(model, "_operation_model", {}).get(name))


def text_of(value: Any) -> str:
    """A header as text."""
    if value is None:
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def body_of(body: Any) -> bytes:
    """The bytes of a body; a stream is left where it stood."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    start = body.tell() if hasattr(body, "tell") else None
    content = body.read()
    if start is not None and hasattr(body, "seek"):
        body.seek(start)
    return content.encode() if isinstance(content, str) else bytes(content)
