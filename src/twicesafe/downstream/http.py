"""Idempotency keys in HTTP headers: what httpx and requests take as `auth`, and as hooks."""

from __future__ import annotations

from ..errors import ConfigurationError, KeyInUse, KeyReused
from ..execution.current import current, current_step
from ..providers import PROVIDERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    R = TypeVar("R")

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
"""They change nothing (RFC 9110, 9.2.1), and need no key."""


class KeyHeader:
    """Puts the running step's downstream key into a request's header.

        httpx.post(url, json=order, auth=KeyHeader("paypal"))
        requests.post(url, json=order, auth=KeyHeader("X-Request-Id"))
        httpx.Client(event_hooks={"request": [KeyHeader()]})

    A step has one key, for all that it sends: send one request in a step, or the same one again. Outside of a
    protected function nothing is added.

    Args:
        header: its name, or that of a provider in PROVIDERS.
        then: another `auth` callable, which is applied as well.
    """

    def __init__(self, header: str = "Idempotency-Key", then: Callable[[Any], Any] | None = None) -> None:
        self.header = PROVIDERS[header].header if header in PROVIDERS else header
        self._then = then

    def __call__(self, request: R) -> R:
        """Add the header to a request of either library, unless it changes nothing.

        Raises:
            ConfigurationError: a protected function sends it outside of a step, where there is no key for it.
        """
        asked: Any = request
        if asked.method.upper() not in SAFE:
            key = _key()
            if key is not None:
                asked.headers[self.header] = key
        return request if self._then is None else self._then(request)


def check(response: Any, *_: Any, **__: Any) -> Any:
    """Raise what an answer says of the key, as the IETF's draft has it; usable as a response hook of either library.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ (2.7): 409 while the first request is
    being processed, 422 for another payload under the same key.

    Raises:
        KeyInUse, KeyReused
    """
    if response.status_code == 409:
        raise KeyInUse(_name())
    if response.status_code == 422:
        raise KeyReused(_name())
    return response


def _key() -> str | None:
    execution = current.get()
    if execution is None or execution.tenure is None:
        return None
    running = current_step.get()
    if running is None or running[0] is not execution:
        raise ConfigurationError(
            "A request that takes an idempotency key is sent outside of a step, so there is no key for it, and it was "
            "not sent. Send it in a step: step('pay', pay, order)."
        )
    return execution.downstream_key(running[1])


def _name() -> str | None:
    running = current_step.get()
    return running[1] if running else None
