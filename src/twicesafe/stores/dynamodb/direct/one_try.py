"""One try of a request, from its credentials to its answer: written once, for the sync and the async side.

A generator yields what it needs of the world, and is sent it; the protocol's two drivers run it.
"""

from __future__ import annotations

from ....tuples import NamedTuple
from ..clock import wall
from .exchange import OldCredentials
from .http1 import BadAnswer
from .idle import GONE, UNASKED
from .signing import Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator
    from typing import Any, TypeAlias

    from ....protocol.records import Millis
    from ..requests import Request, Response
    from .idle import Idle
    from .means import Limit, Means
    from .signing import Credentials


class Fetch(NamedTuple):
    """Ask for credentials, which none at hand are."""

    now: Millis
    seconds: float | None  # that it may take; None: as long as it takes


class HasOthers(NamedTuple):
    """Find out whether there are other credentials than those that were refused."""

    refused: Credentials
    now: Millis
    seconds: float | None


class Connect(NamedTuple):
    """Make a connection."""

    context: ssl.SSLContext | None  # None: without TLS
    limit: Limit
    signs: int  # what shows that it is of no use any more; see Waiting


class Exchange(NamedTuple):
    """Write a request to a connection and read its answer."""

    line: Any
    data: bytes
    seconds: float


Question: TypeAlias = "Fetch | HasOthers | Connect | Exchange"
Talk: TypeAlias = "Generator[Question, Any, Response]"


def one_try(means: Means, idle: Idle, request: Request, left: Millis | None) -> Talk:
    """Send a request once, and say what came of it.

    Args:
        left: the platform's time; None: nothing bounds it.

    Raises:
        ConfigurationError: asking again cannot help.
    """
    wallet, desk, limit = means.wallet, means.desk, means.until(left)
    try:
        credentials = wallet.at_hand(wall()) or (yield Fetch(wall(), limit.rest()))
    except Unreachable as error:
        return desk.lost(error)
    except TimeoutError:
        return desk.lost(Unreachable("the AWS credentials took too long to get"))
    letter = desk.write(request, credentials)
    line = idle.take()
    is_kept = line is not None
    if line is None:
        try:
            line = yield from _connect(means, limit)
        except OSError as error:
            return desk.unreachable(error)
    sent = wall()  # the time that it took to connect says nothing of the server's clock
    try:
        answer = yield Exchange(line, letter.data, limit.for_read())
    except (OSError, BadAnswer) as error:
        line.close()
        is_stale = is_kept and line.is_silent and not isinstance(error, TimeoutError)
        if is_stale:
            idle.drop()
        return desk.lost(error, is_stale=is_stale)
    except BaseException:
        line.close()  # else the next one who asks reads this answer
        raise
    if answer.keeps:
        idle.put(line)
    else:
        line.close()
    response = desk.read(letter, answer, sent)
    if isinstance(response, OldCredentials):
        return desk.read_credentials(letter, response, has_others=(yield from _has_others(credentials, limit)))
    return response


def _has_others(refused: Credentials, limit: Limit) -> Generator[Question, Any, bool]:
    try:
        has_others: bool = yield HasOthers(refused, wall(), limit.rest())
    except TimeoutError:
        return False
    return has_others


def _connect(means: Means, limit: Limit) -> Generator[Question, Any, Any]:
    trust = means.trust
    if trust is None:
        return (yield Connect(None, limit, GONE | UNASKED))
    context = trust.context
    try:
        return (yield Connect(context, limit, GONE))
    except OSError as error:
        if not trust.widens(context, error):
            raise
    return (yield Connect(trust.context, limit, GONE))
