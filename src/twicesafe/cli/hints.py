"""What a newcomer may ask when they see how deliveries ended; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lab.results import decisions_of, result_of, went_wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..lab.sandbox import Delivered


def hints(delivered: Sequence[Delivered], event: str) -> Iterator[str]:
    """A line for each thing that needs a word.

    Args:
        event: the name of its file.
    """
    if all(result_of(each) == "replayed" for each in delivered):
        yield (
            "All were replayed: this event was delivered before, and its record is still kept. "
            "--store sqlite:///FILE starts anew."
        )
    if _nothing_was_decided(delivered):
        yield "Nothing protects this handler: it has no @idempotent, or TWICESAFE_DISABLED is set."
    elif all(result_of(each) == "unprotected" for each in delivered):
        yield f"This event is not protected: 'twicesafe key {event}' says why."
    if _each_ran_under_its_own_key(delivered):
        yield (
            "Each ran, under a key of its own: nothing in this event says that it came before. --same-request-id "
            "delivers as Lambda's own retries do; @idempotent(key=...) takes a key out of the event."
        )
    if _a_reply_was_not_kept(delivered):
        yield "A replay of such an event replies null: nobody reads its reply, so it is not kept."
    if any(each.is_async for each in delivered):
        yield "The handler is async, and was run with asyncio.run. Lambda's runtime does not await: call that yourself."
    if any(went_wrong(each) and each.log.strip() for each in delivered):
        yield "--logs shows what each delivery printed."


def _nothing_was_decided(delivered: Sequence[Delivered]) -> bool:
    ended = [each for each in delivered if each.ending in ("returned", "raised")]
    return bool(ended) and not any(each.decisions for each in ended)


def _each_ran_under_its_own_key(delivered: Sequence[Delivered]) -> bool:
    ran = [{decision["key"] for decision in decisions_of(each)} for each in delivered if result_of(each) == "ran"]
    return len(ran) > 1 and len(set().union(*ran)) == sum(map(len, ran))


def _a_reply_was_not_kept(delivered: Sequence[Delivered]) -> bool:
    was_told = any(result_of(each) == "ran" and each.reply is not None for each in delivered)
    return was_told and any(result_of(each) == "replayed" and each.reply is None for each in delivered)
