"""The world of a CloudFormation or SAM template: its tables, queues, topics and buckets, a function's variables.

What is only known when the template is deployed is left out, and said.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import ConfigurationError
from ..settings import Declared
from .intrinsics import FUNCTION, NOTHING, RESOURCES, TABLE, Unresolved, Values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...lab.loading import Target

T = TypeVar("T")
NAMES = ("TableName", "QueueName", "Name", "Bucket")
"""The parameter of a creating call that says what it makes."""
SCALARS = {"String": "S", "Number": "N", "Binary": "B"}


def parsed(text: str, name: str) -> Mapping[str, Any]:
    """A template, with the short forms of its functions written out.

    Args:
        name: what messages call it.

    Raises:
        ConfigurationError: it is none.
    """
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # it has no types
        """YAML as CloudFormation reads it."""

    def function(loader: Any, suffix: str, node: Any) -> Any:
        made: Any
        if isinstance(node, yaml.ScalarNode):
            made = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            made = loader.construct_sequence(node, deep=True)
        else:
            made = loader.construct_mapping(node, deep=True)
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": made}

    Loader.add_multi_constructor("!", function)
    Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_scalar)  # a date is the version of a policy
    try:
        found = yaml.load(text, Loader)  # noqa: S506 - it is a safe one
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name} is no YAML: {' '.join(str(error).split())}") from error
    resources = found.get("Resources") if isinstance(found, dict) else None
    if not isinstance(resources, dict) or not all(
        isinstance(each, dict) and isinstance(each.get("Type"), str) for each in resources.values()
    ):
        raise ConfigurationError(f"{name} is no template: it has no Resources, each with a Type.")
    return found  # type: ignore[no-any-return]  # it is a dict by now


def declared(template: Mapping[str, Any], name: str, target: Target, function: str | None = None) -> Declared:
    """The world that it describes, for the function that has this handler.

    Args:
        name: of its file: code is in folders beside it.
        function: its name in the template, for where several have the handler.

    Raises:
        ConfigurationError: there is no such function, or there are several.
    """
    return _Reader(template, name).read(target, function)


def merged(template: Declared, world: Declared) -> Declared:
    """The world that the user writes down, and what only the template has."""
    made = {("dynamodb", "create_table", table["name"]) for table in world.tables}
    made |= {("s3", "create_bucket", thing["bucket"]) for thing in world.objects}
    made |= {_made_by(call) for call in world.calls}
    calls = tuple(call for call in template.calls if _made_by(call) not in made)
    return world._replace(
        env={**template.env, **world.env}, calls=(*calls, *world.calls), unresolved=template.unresolved
    )


def _made_by(call: Any) -> tuple[str, str, Any]:
    service, method, parameters = call
    return service, method, next((parameters[name] for name in NAMES if name in parameters), None)


class _Reader:
    def __init__(self, template: Mapping[str, Any], name: str) -> None:
        self._name = name
        self._values = Values(template)
        self._unresolved: list[str] = []
        self._shared = _mapping(_mapping(template.get("Globals")).get("Function"))
        self._resources = {
            logical: (resource["Type"], _mapping(resource.get("Properties")))
            for logical, resource in template["Resources"].items()
            if self._is_made(logical, resource.get("Condition"))
        }

    def read(self, target: Target, function: str | None) -> Declared:
        env = self._variables(self._function(target, function))
        calls = [
            call
            for logical, (kind, properties) in self._resources.items()
            if kind in MAKERS
            for call in self._tried(logical, self._made, logical, MAKERS[kind], properties)
        ]
        return Declared(env=env, calls=tuple(calls), unresolved=tuple(self._unresolved))

    def _is_made(self, logical: str, condition: Any) -> bool:
        """Unless it is known that its condition is not met."""
        return condition is None or self._tried(f"the condition of {logical}", self._values.is_met, condition) != [
            False
        ]

    def _made(self, logical: str, make: Callable[..., Any], properties: Mapping[str, Any]) -> Any:
        return make(self._values.name_of(logical), self._values.of(properties))

    def _tried(self, what: str, find: Callable[..., T], *values: Any) -> list[T]:
        """What is found out about values; nothing, and said so, where that is not known."""
        try:
            return [find(*values)]
        except Unresolved as error:
            self._unresolved.append(f"{self._name}: {what} is left out: {error}")
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
            self._unresolved.append(f"{self._name}: {what} is left out: it cannot be read")
        return []

    # The function

    def _function(self, target: Target, function: str | None) -> Mapping[str, Any]:
        """The properties of the one that is named, or has this handler."""
        there = {
            logical: {**self._shared, **properties}
            for logical, (kind, properties) in self._resources.items()
            if RESOURCES.get(kind) is FUNCTION
        }
        if function is not None:
            if function not in there:
                raise ConfigurationError(
                    f"{self._name} has no function {function}. It has {', '.join(there) or 'none'}."
                )
            return there[function]
        found = {logical: each for logical, each in there.items() if target.lambda_handler in self._handlers(each)}
        if len(found) > 1:
            near = {logical: each for logical, each in found.items() if self._folder(each) in _real(target.folders)}
            found = near or found
        if len(found) == 1:
            return next(iter(found.values()))
        if found:
            raise ConfigurationError(
                f"{self._name} has several functions with the handler {target.lambda_handler}: {', '.join(found)}. "
                "Say which is meant with --function, or by the folder of its code with --path."
            )
        handlers = sorted({handler for each in there.values() for handler in self._handlers(each)})
        raise ConfigurationError(
            f"{self._name} has no function with the handler {target.lambda_handler}. "
            + (f"Those of its functions are {', '.join(handlers)}." if handlers else "None of its functions has one.")
            + " Which is meant can be said with --function."
        )

    def _handlers(self, function: Mapping[str, Any]) -> set[str]:
        """What its handler is called: within its folder, and from the template's on."""
        try:
            command, *_ = self._values.of(_mapping(function.get("ImageConfig")).get("Command")) or [None]
            handler = command or self._values.of(function.get("Handler"))
        except Unresolved:
            return set()
        if not isinstance(handler, str):
            return set()
        dotted = handler.replace("/", ".")
        code = function.get("CodeUri")
        inside = os.path.normpath(code).replace(os.sep, ".") if isinstance(code, str) else "."
        return {dotted} if inside == "." else {dotted, f"{inside}.{dotted}"}

    def _folder(self, function: Mapping[str, Any]) -> str | None:
        code = function.get("CodeUri")
        return os.path.realpath(os.path.join(os.path.dirname(self._name), code)) if isinstance(code, str) else None

    def _variables(self, function: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        for part in (self._shared, function):
            for key, value in _mapping(_mapping(part.get("Environment")).get("Variables")).items():
                for resolved in self._tried(f"the variable {key}", self._values.of, value):
                    if resolved is not NOTHING:
                        found[str(key)] = str(resolved).lower() if isinstance(resolved, bool) else str(resolved)
        return found


def _mapping(value: Any) -> Mapping[str, Any]:
    """The value, where it is what it should be."""
    return value if isinstance(value, dict) else {}


def _real(folders: tuple[str, ...]) -> set[str]:
    return {os.path.realpath(folder) for folder in folders}


# What makes each resource: its name and properties to a call


def _table(name: str, properties: Mapping[str, Any]) -> Any:
    kept = ("AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes")
    parameters = {key: properties[key] for key in kept if key in properties}
    indexes = [
        {key: index[key] for key in ("IndexName", "KeySchema", "Projection") if key in index}
        for index in properties.get("GlobalSecondaryIndexes", ())
    ]
    if indexes:
        parameters["GlobalSecondaryIndexes"] = indexes
    return ["dynamodb", "create_table", {"TableName": name, **parameters, "BillingMode": "PAY_PER_REQUEST"}]


def _simple_table(name: str, properties: Mapping[str, Any]) -> Any:
    key = properties.get("PrimaryKey") or {}
    attribute, kind = key.get("Name", "id"), SCALARS.get(key.get("Type", "String"), "S")
    return _table(
        name,
        {
            "AttributeDefinitions": [{"AttributeName": attribute, "AttributeType": kind}],
            "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
        },
    )


def _queue(name: str, properties: Mapping[str, Any]) -> Any:
    return ["sqs", "create_queue", {"QueueName": name, "Attributes": _fifo(properties, "FifoQueue")}]


def _topic(name: str, properties: Mapping[str, Any]) -> Any:
    return ["sns", "create_topic", {"Name": name, "Attributes": _fifo(properties, "FifoTopic")}]


def _bucket(name: str, properties: Mapping[str, Any]) -> Any:  # noqa: ARG001 - as the others
    return ["s3", "create_bucket", {"Bucket": name}]


def _fifo(properties: Mapping[str, Any], name: str) -> dict[str, str]:
    return {key: "true" for key in (name, "ContentBasedDeduplication") if str(properties.get(key)).lower() == "true"}


MAKERS: Mapping[str, Callable[[str, Mapping[str, Any]], Any]] = {
    **{kind: _table for kind, resource in RESOURCES.items() if resource is TABLE},
    "AWS::Serverless::SimpleTable": _simple_table,
    "AWS::SQS::Queue": _queue,
    "AWS::SNS::Topic": _topic,
    "AWS::S3::Bucket": _bucket,
}
