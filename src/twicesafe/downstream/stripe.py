"""Stripe's own library."""

from __future__ import annotations

from ..errors import KeyInUse, KeyReused
from ..execution.current import current_step
from ..providers import PROVIDERS
from ..signatures import is_async, parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

HORIZON = PROVIDERS["stripe"].horizon


def stripe_call(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, for a step: it sends the step's downstream key, and remembers for how long Stripe does.

    Args:
        call: a method of the `stripe` library: `stripe.PaymentIntent.create`, `client.v1.refunds.create`, or its
            async twin.

    Returns:
        A function that returns what Stripe answers as a plain dict.

    Raises:
        KeyInUse: from the call: another request with this key is running; the next delivery asks again.
        KeyReused: from the call: the key was used with other parameters; no retry helps.
    """

    def with_key(kwargs: dict[str, Any], idempotency_key: str) -> dict[str, Any]:
        if "options" in parameters(call):  # a service of StripeClient
            return {**kwargs, "options": {"idempotency_key": idempotency_key, **(kwargs.get("options") or {})}}
        return {"idempotency_key": idempotency_key, **kwargs}

    def keyed(*args: Any, idempotency_key: str, **kwargs: Any) -> Any:
        try:
            return _plain(call(*args, **with_key(kwargs, idempotency_key)))
        except Exception as error:
            _say(error)
            raise

    async def keyed_async(*args: Any, idempotency_key: str, **kwargs: Any) -> Any:
        try:
            return _plain(await call(*args, **with_key(kwargs, idempotency_key)))
        except Exception as error:
            _say(error)
            raise

    made: Any = keyed_async if is_async(call) else keyed
    made.horizon = HORIZON
    return made  # type: ignore[no-any-return]  # a function with an attribute


def _plain(answer: Any) -> Any:
    """The answer as it can be recorded."""
    return answer.to_dict() if hasattr(answer, "to_dict") else answer


def _say(error: Exception) -> None:
    """Raise our error for Stripe's, where it is about the key."""
    running = current_step.get()
    name = running[1] if running else None
    if getattr(error, "http_status", None) == 409:
        raise KeyInUse(name) from error
    if type(error).__name__ == "IdempotencyError":
        raise KeyReused(name) from error
