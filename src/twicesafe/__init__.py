"""Make any AWS Lambda function safe to run twice."""

from .decisions import Decision, on_decision
from .errors import (
    ConfigurationError,
    CorruptRecord,
    CredentialsMismatch,
    DuplicateStep,
    InProgress,
    KeyAlreadyHeld,
    KeyInUse,
    KeyReused,
    LeaseLost,
    MalformedEvent,
    MissingKey,
    NestedStep,
    NotEnoughTime,
    NotRecorded,
    PayloadMismatch,
    ReplyTooLarge,
    StepInDoubt,
    StepMismatch,
    StoreUnavailable,
    TransactionRefused,
    TwicesafeError,
    UnkeptReply,
    UnknownOutcome,
    UnserializableReply,
    UnusableKey,
    WrongProcess,
)
from .execution.current import Execution, carried, current_execution
from .idempotent import idempotent
from .stores.base import open_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .execution.options import NOT_DONE
    from .execution.steps import step
else:
    LATER = {"NOT_DONE": "execution.options", "step": "execution.steps"}
    """What a handler without steps does not load, as long as nobody asks for it."""

    def __getattr__(name: str) -> object:
        if name not in LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        room = __import__(f"{__name__}.{LATER[name]}", fromlist=(name,))  # importlib may not be loaded
        value = globals()[name] = getattr(room, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *LATER})


__version__ = "0.1.0"
__all__ = [
    "NOT_DONE",
    "ConfigurationError",
    "CorruptRecord",
    "CredentialsMismatch",
    "Decision",
    "DuplicateStep",
    "Execution",
    "InProgress",
    "KeyAlreadyHeld",
    "KeyInUse",
    "KeyReused",
    "LeaseLost",
    "MalformedEvent",
    "MissingKey",
    "NestedStep",
    "NotEnoughTime",
    "NotRecorded",
    "PayloadMismatch",
    "ReplyTooLarge",
    "StepInDoubt",
    "StepMismatch",
    "StoreUnavailable",
    "TransactionRefused",
    "TwicesafeError",
    "UnkeptReply",
    "UnknownOutcome",
    "UnserializableReply",
    "UnusableKey",
    "WrongProcess",
    "carried",
    "current_execution",
    "idempotent",
    "on_decision",
    "open_store",
    "step",
]
