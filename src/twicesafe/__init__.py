"""Make any AWS Lambda function safe to run twice."""

from .decisions import Decision, on_decision
from .errors import (
    ConfigurationError,
    CorruptRecord,
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
from .execution.options import NOT_DONE
from .execution.steps import step
from .idempotent import idempotent
from .stores.base import open_store

__version__ = "0.1.0"
__all__ = [
    "NOT_DONE",
    "ConfigurationError",
    "CorruptRecord",
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
