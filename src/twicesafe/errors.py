"""The errors that a user of twicesafe can meet: one hierarchy, plain values only.

    TwicesafeError
     ├─ ConfigurationError       the set-up is wrong; nothing has run
     │   └─ KeyAlreadyHeld       this very call holds the key already: a recursion, or two decorators
     ├─ MissingKey               the key that was asked for has a missing part; nothing has run
     ├─ UnusableKey              a key or payload has a part that has no text; nothing has run
     ├─ MalformedEvent           the event is not what its source sends; nothing has run
     ├─ InProgress               another delivery of this key is running
     ├─ PayloadMismatch          the key was used before with another payload
     │   └─ CredentialsMismatch  the key was used before by a caller who showed other credentials
     ├─ NotEnoughTime            too little of the platform's time is left to start; nothing has run
     ├─ StoreUnavailable         the store did not answer
     ├─ CorruptRecord            the store holds a record that cannot be read
     ├─ UnknownOutcome           an earlier delivery fell silent, and it was asked never to run it again
     ├─ LeaseLost                this delivery's time was over before it ended
     ├─ WrongProcess             a forked child used its parent's execution
     ├─ DuplicateStep            a second step of the same name in one execution; it was not run
     ├─ NestedStep               a step inside a step; it was not run
     ├─ StepMismatch             a recorded step was called with other arguments; it was not run
     ├─ StepInDoubt              a step may have had its effect, and may not be repeated; it was not run
     ├─ TransactionRefused       a condition of the user's own writes did not hold; none of them was made
     ├─ KeyInUse                 an outside system is still busy with an earlier request under this step's key
     ├─ KeyReused                an outside system saw this step's key with other parameters
     ├─ NotRecorded              the function has run, but it could not be recorded
     └─ UnkeptReply              the function has run and is recorded as done, but without its reply
         ├─ ReplyTooLarge
         └─ UnserializableReply

Each carries what a program needs to act (key, attempt, milliseconds), never a record, and says in
its message what happened, to which key, and what to do now. Pickling keeps them whole.
"""

from __future__ import annotations


class TwicesafeError(Exception):
    """Something that twicesafe was asked to guarantee cannot be guaranteed."""

    key: str | None = None
    """The idempotency key that it happened to, where there is one."""
    attempt: int | None = None
    """The attempt that it happened in, where there is one."""


class ConfigurationError(TwicesafeError):
    """The set-up is wrong: an argument, a setting, a table or a permission. Nothing has run."""

    is_lasting: bool = True
    """True where another key's command would meet it too, until somebody mends the set-up."""


class KeyAlreadyHeld(ConfigurationError):
    """This very call holds the key already, and would wait for itself for ever."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return (
            f"{self.key!r} is already held by this very call: the function is decorated twice, or calls "
            "itself with the same arguments. Take one decorator away, or give the inner call a key of its own."
        )


class MissingKey(TwicesafeError):
    """The key that the user asked for has a missing part: nothing has run."""

    def __init__(self, selector: str, part: str) -> None:
        super().__init__(selector, part)
        self.selector = selector
        self.part = part

    def __str__(self) -> str:
        return (
            f"The key {self.selector} has nothing at {self.part}, so this delivery was refused before any effect. "
            "Send that part, or choose a key that every event has."
        )


class UnusableKey(TwicesafeError):
    """A key or payload has a part that has no text that is always the same: nothing has run."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.path} {self.reason}, so this delivery was refused before any effect. Choose what identifies the "
            "call with key=, and what must not change under that key with payload= (payload=False compares nothing)."
        )


class MalformedEvent(TwicesafeError):
    """The event is not what its source sends: nothing has run."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(source, reason)
        self.source = source
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"This {self.source} event is malformed: {self.reason}. It was refused before any effect. "
            "Send what the source sends; a test event of your own can have a key of its own with key=."
        )


class InProgress(TwicesafeError):
    """Another delivery of this key is running."""

    def __init__(self, key: str, attempt: int, retry_in: int) -> None:
        super().__init__(key, attempt, retry_in)
        self.key = key
        self.attempt = attempt
        self.retry_in = retry_in  # milliseconds, until the other delivery's lease ends

    @property
    def retry_after(self) -> int:
        """Whole seconds until another try makes sense, as in HTTP's `Retry-After` (RFC 9110, 10.2.3)."""
        return max(1, -(-self.retry_in // 1000))

    def __str__(self) -> str:
        return (
            f"{self.key!r} is being run by another delivery (attempt {self.attempt}), for {self.retry_in} ms more "
            "at most. Let the platform deliver again, or wait here with on_conflict='wait'."
        )


class PayloadMismatch(TwicesafeError):
    """The key was used before with another payload."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return (
            f"{self.key!r} was used before with another payload, so it was neither run nor answered. "
            "Send a new key with a new payload, or the same payload with the same key."
        )


class CredentialsMismatch(PayloadMismatch):
    """The key was used before by a caller who showed other credentials, and whom no platform has proven."""

    def __str__(self) -> str:
        return (
            f"{self.key!r} was used before with other credentials, so it was neither run nor answered. If that is one "
            "caller, whose token was renewed or signs each request, tell who is calling: @idempotent(scope=...)."
        )


class NotEnoughTime(TwicesafeError):
    """Too little of the platform's time is left to start a delivery, or one of its steps: that was not run."""

    def __init__(
        self,
        key: str,
        remaining: int,
        step: str | None = None,
        needs: int | None = None,
        context: str | None = None,
    ) -> None:
        super().__init__(key, remaining, step, needs, context)
        self.key = key
        self.remaining = remaining  # milliseconds
        self.step = step
        self.needs = needs  # milliseconds
        self.context = context  # the class of the context that says so, where this is not Lambda

    def __str__(self) -> str:
        if self.context is not None:
            return (
                f"{self.key!r} was not started: its context, a {self.context}, says that {self.remaining} ms are left. "
                "If it stands in for Lambda's own, let its get_remaining_time_in_millis() return more, such as 30_000."
            )
        if self.step is not None:
            return (
                f"{self.key!r} did not begin its step {self.step!r}: it needs {self.needs} ms, and {self.remaining} ms "
                "are left before the platform's deadline. Let the platform deliver again; it goes on there."
            )
        return (
            f"{self.key!r} was not started: {self.remaining} ms are left before the platform's deadline. "
            "Raise the function's timeout, or make its batches smaller; the platform will deliver it again."
        )


class StoreUnavailable(TwicesafeError):
    """The store did not answer; whether the last command was applied is not known."""

    is_lasting: bool = False
    """True where another key's command would meet it too, until somebody mends the store."""

    def __init__(self, store: str, reason: str, key: str | None = None) -> None:
        super().__init__(store, reason, key)
        self.store = store
        self.reason = reason
        self.key = key

    def __str__(self) -> str:
        what = f" for {self.key!r}" if self.key else ""
        return (
            f"The store {self.store} did not answer{what}: {self.reason}. Let the platform deliver again; "
            "if it lasts, check the network, the store's health and its limits."
        )


class CorruptRecord(TwicesafeError):
    """The store holds a record under this key that cannot be read. It was left as it is."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"The record of {self.key!r} cannot be read: {self.reason}. Nothing has run. Look at it with the "
            "store's own tools, and remove it there if this key may run again."
        )


class UnknownOutcome(TwicesafeError):
    """An earlier delivery fell silent, and on_unknown="raise" forbids to run it again."""

    def __init__(self, key: str, attempt: int) -> None:
        super().__init__(key, attempt)
        self.key = key
        self.attempt = attempt

    def __str__(self) -> str:
        return (
            f"Attempt {self.attempt} of {self.key!r} fell silent, and may or may not have had its effect. It was not "
            "run again, as on_unknown='raise' asks. Find out, then say so with 'twicesafe records resolve'."
        )


class LeaseLost(TwicesafeError):
    """This delivery's time was over before it ended: another may have taken its place."""

    def __init__(self, key: str, attempt: int | None = None) -> None:
        super().__init__(key, attempt)
        self.key = key
        self.attempt = attempt

    def __str__(self) -> str:
        which = f"attempt {self.attempt} of " if self.attempt else ""
        return (
            f"The lease of {which}{self.key!r} was over before its work was, so nothing more was run or recorded for "
            "it. Let the platform deliver again; if it happens often, give the function a longer lease."
        )


class WrongProcess(TwicesafeError):
    """A forked child used the execution of its parent."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return (
            f"{self.key!r} is being run by the parent of this process, and only the parent may record what it does. "
            "End the child with os._exit(), or call a protected function of its own in it."
        )


class DuplicateStep(TwicesafeError):
    """A second step of the same name in one execution: it was not run."""

    def __init__(self, key: str, step: str) -> None:
        super().__init__(key, step)
        self.key = key
        self.step = step

    def __str__(self) -> str:
        return (
            f"{self.key!r} met its step {self.step!r} a second time, and did not run it. "
            "Give each step a name of its own; in a loop, add what differs: each=item.id."
        )


class NestedStep(TwicesafeError):
    """A step inside a step: it was not run, for a repeat of the outer one would not know of it."""

    def __init__(self, key: str, step: str, outer: str) -> None:
        super().__init__(key, step, outer)
        self.key = key
        self.step = step
        self.outer = outer

    def __str__(self) -> str:
        return (
            f"{self.key!r} met the step {self.step!r} inside the step {self.outer!r}, and did not run it. "
            "Make them two steps, one after the other, or leave one of them a plain call."
        )


class StepMismatch(TwicesafeError):
    """A recorded step was called with other arguments than before: it was neither run nor answered."""

    def __init__(self, key: str, step: str) -> None:
        super().__init__(key, step)
        self.key = key
        self.step = step

    def __str__(self) -> str:
        return (
            f"{self.key!r} called its step {self.step!r} with other arguments than an earlier attempt did. Give it "
            "what is the same in each attempt (make a step of the time or of a new id), add what differs with each=, "
            "or compare nothing with fingerprint=False."
        )


class StepInDoubt(TwicesafeError):
    """A step may have had its effect, and may not simply be repeated: it was not run."""

    def __init__(self, key: str, step: str, reason: str, retry_in: int | None = None) -> None:
        super().__init__(key, step, reason, retry_in)
        self.key = key
        self.step = step
        self.reason = reason
        self.retry_in = retry_in  # milliseconds, until another try can tell; None: time alone tells nothing

    def __str__(self) -> str:
        now = (
            "Let the platform deliver again."
            if self.retry_in is not None
            else "Find out, then say so with 'twicesafe records resolve --step'; a later delivery goes on from there."
        )
        return f"Whether {self.key!r} had the effect of its step {self.step!r} is not known: {self.reason}. {now}"


class TransactionRefused(TwicesafeError):
    """A condition of the user's own writes did not hold: none of them was made, and nothing was recorded."""

    def __init__(self, key: str, step: str | None, reasons: tuple[dict[str, object], ...]) -> None:
        super().__init__(key, step, reasons)
        self.key = key
        self.step = step  # None: it was the completion
        self.reasons = reasons  # one for each of the writes: DynamoDB's CancellationReasons

    def __str__(self) -> str:
        what = f"the step {self.step!r}" if self.step is not None else "the completion"
        failed = [str(place) for place, reason in enumerate(self.reasons) if reason.get("Code") not in (None, "None")]
        return (
            f"{self.key!r} had {what} refused by a condition of its own, of writes[{', '.join(failed)}]; nothing was "
            "written. What DynamoDB says of each write is in this error's .reasons."
        )


class KeyInUse(TwicesafeError):
    """An outside system is still busy with an earlier request under this step's downstream key."""

    def __init__(self, step: str | None) -> None:
        super().__init__(step)
        self.step = step

    def __str__(self) -> str:
        return (
            f"The other system is still busy with an earlier request under the key of the step {self.step!r}. Let the "
            "platform deliver again: the next attempt asks with the same key, and gets that request's answer."
        )


class KeyReused(TwicesafeError):
    """An outside system saw this step's downstream key before with other parameters: another try cannot help."""

    def __init__(self, step: str | None) -> None:
        super().__init__(step)
        self.step = step

    def __str__(self) -> str:
        return (
            f"The other system saw the key of the step {self.step!r} before with other parameters, and did nothing. "
            "Send what is the same in each attempt: make a step of the time or of a new id; one request a step. Name "
            "this error in final_errors to end the redeliveries."
        )


class NotRecorded(TwicesafeError):
    """The function has run, but the store did not confirm its reply.

    Its reply is on the error: the effect is done. The claim was kept, so that the lease protects it.
    """

    def __init__(self, key: str, attempt: int, reply: object, reason: str = "it gave no reason") -> None:
        super().__init__(key, attempt, reply, reason)
        self.key = key
        self.attempt = attempt
        self.reply = reply
        self.reason = reason  # what the store's own error says

    def __str__(self) -> str:
        return (
            f"Attempt {self.attempt} of {self.key!r} has run, but the store did not confirm it: "
            f"{self.reason.rstrip('.')}. The reply is in this error's .reply. A later delivery is answered if the "
            "record was written, and runs again if it was not."
        )


class UnkeptReply(TwicesafeError):
    """The function has run and is recorded as done, but its reply could not be kept."""


class ReplyTooLarge(UnkeptReply):
    """The function has run and is recorded as done, but its reply is over the store's limit."""

    def __init__(self, key: str, size: int, limit: int) -> None:
        super().__init__(key, size, limit)
        self.key = key
        self.size = size  # bytes, as stored
        self.limit = limit  # bytes

    def __str__(self) -> str:
        return (
            f"{self.key!r} has run and will not run again, but its reply of {self.size} bytes is over the store's "
            f"limit of {self.limit}. Return less, for example where the result can be found."
        )


class UnserializableReply(UnkeptReply):
    """The function has run and is recorded as done, but its reply cannot be stored as it is."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key = key
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.key!r} has run and will not run again, but its reply cannot be kept: {self.reason}. "
            "Return what JSON can carry, or a type that the function's return annotation names."
        )
