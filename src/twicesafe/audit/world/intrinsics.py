"""Values of a CloudFormation template: what its functions come to, as far as that can be known without deploying.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ...lab.context import ACCOUNT
from .supply import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
NOTHING = object()
"""What AWS::NoValue is: whoever has it for a value has no such value."""


class Unresolved(Exception):
    """It is not known before the template is deployed; the message says what."""


class Resource(NamedTuple):
    """How resources of a type are called."""

    name: str  # the property that says it
    service: str
    within: str  # of its ARN
    reference: str  # what Ref gives: name, arn or url


TABLE = Resource("TableName", "dynamodb", "table/{}", "name")
FUNCTION = Resource("FunctionName", "lambda", "function:{}", "name")
RESOURCES = {
    "AWS::DynamoDB::Table": TABLE,
    "AWS::DynamoDB::GlobalTable": TABLE,
    "AWS::Serverless::SimpleTable": TABLE,
    "AWS::SQS::Queue": Resource("QueueName", "sqs", "{}", "url"),
    "AWS::SNS::Topic": Resource("TopicName", "sns", "{}", "arn"),
    "AWS::S3::Bucket": Resource("BucketName", "s3", "{}", "name"),
    "AWS::Lambda::Function": FUNCTION,
    "AWS::Serverless::Function": FUNCTION,
    "AWS::Events::EventBus": Resource("Name", "events", "event-bus/{}", "name"),
    "AWS::Kinesis::Stream": Resource("Name", "kinesis", "stream/{}", "name"),
    "AWS::KinesisFirehose::DeliveryStream": Resource("DeliveryStreamName", "firehose", "deliverystream/{}", "name"),
    "AWS::StepFunctions::StateMachine": Resource("StateMachineName", "states", "stateMachine:{}", "arn"),
    "AWS::Serverless::StateMachine": Resource("Name", "states", "stateMachine:{}", "arn"),
    "AWS::SSM::Parameter": Resource("Name", "ssm", "parameter/{}", "name"),
    "AWS::SecretsManager::Secret": Resource("Name", "secretsmanager", "secret:{}", "arn"),
}


class Values:
    """The values of one template."""

    def __init__(self, template: Mapping[str, Any]) -> None:
        self._parameters: Mapping[str, Any] = template.get("Parameters") or {}
        self._mappings: Mapping[str, Any] = template.get("Mappings") or {}
        self._conditions: Mapping[str, Any] = template.get("Conditions") or {}
        self._resources: Mapping[str, Any] = template["Resources"]
        self._asked: list[str] = []
        self._pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": "stack",
            "AWS::NoValue": NOTHING,
        }
        self._functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.is_met,
            "Fn::GetAtt": self._attribute,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Split": self._split,
            "Fn::Select": self._select,
            "Fn::FindInMap": self._find,
            "Fn::If": self._if,
            "Fn::Equals": self._equals,
            "Fn::Not": lambda value: not self.of(value[0]),
            "Fn::And": lambda value: all(map(self.of, value)),
            "Fn::Or": lambda value: any(map(self.of, value)),
        }

    def of(self, value: Any) -> Any:
        """What a value of the template comes to.

        Raises:
            Unresolved: that is not known.
        """
        if isinstance(value, list):
            return [each for each in map(self.of, value) if each is not NOTHING]
        if isinstance(value, str) and "{{resolve:" in value:
            raise Unresolved(f"{value} is not known here")
        if not isinstance(value, dict):
            return value
        name, *others = value or [""]
        if not others and (name in self._functions or name.startswith("Fn::")):
            return self._call(name, value[name])
        found = {key: self.of(each) for key, each in value.items()}
        return {key: each for key, each in found.items() if each is not NOTHING}

    def is_met(self, condition: str) -> bool:
        """Whether a condition holds.

        Raises:
            Unresolved: that is not known.
        """
        if condition not in self._conditions:
            raise Unresolved(f"there is no condition {condition}")
        return bool(self._once(condition, lambda: self.of(self._conditions[condition])))

    def name_of(self, logical: str) -> str:
        """The name of a resource; one that has none is called as in the template.

        Raises:
            Unresolved: it is not known.
        """
        resource = self._resources[logical]
        kind = resource["Type"]
        properties = resource.get("Properties") or {}
        given = self._once(logical, lambda: self.of(properties.get(RESOURCES[kind].name, NOTHING)))
        if given is not NOTHING:
            return str(given)
        if kind == "AWS::S3::Bucket":
            return f"{logical.lower()}-bucket"
        is_fifo = properties.get("FifoQueue") or properties.get("FifoTopic")
        return f"{logical}.fifo" if is_fifo else logical

    def _call(self, name: str, value: Any) -> Any:
        function = self._functions.get(name)
        if function is None:
            raise Unresolved(f"{name} is not known here")
        try:
            return function(value)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unresolved(f"{name} of {value!r} cannot be read") from error

    def _once(self, name: str, find: Callable[[], Any]) -> Any:
        """Find something out that may not depend on itself."""
        if name in self._asked:
            raise Unresolved(f"{name} depends on itself")
        self._asked.append(name)
        try:
            return find()
        finally:
            self._asked.pop()

    def _ref(self, name: str) -> Any:
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._parameters:
            parameter = self._parameters[name]
            if "Default" not in parameter:
                raise Unresolved(f"the parameter {name} has no default")
            kind, value = str(parameter.get("Type")), parameter["Default"]
            if kind.startswith("AWS::SSM::"):
                raise Unresolved(f"the parameter {name} is in SSM")
            return value.split(",") if "List" in kind else value
        return self._reference(name, None)

    def _attribute(self, value: Any) -> str:
        logical, _, attribute = value.partition(".") if isinstance(value, str) else (value[0], "", value[1])
        return self._reference(logical, attribute)

    def _reference(self, logical: str, attribute: str | None) -> str:
        """What Ref, or an attribute, of a resource is."""
        kind = self._resources.get(logical, {}).get("Type")
        resource = RESOURCES.get(kind)
        if resource is None:
            raise Unresolved(f"{logical}{f', {kind},' if kind else ''} is not known here")
        name = self.name_of(logical)
        form = resource.reference if attribute is None else attribute.removeprefix(kind.rpartition("::")[2]).lower()
        if form == "name":
            return name
        if form == "url":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        if form == "arn":
            owner = "::" if resource.service == "s3" else f"{REGION}:{ACCOUNT}:"
            return f"arn:aws:{resource.service}:{owner}{resource.within.format(name)}"
        raise Unresolved(f"{attribute} of {logical} is not known here")

    def _sub(self, value: Any) -> str:
        text, own = (value, {}) if isinstance(value, str) else value

        def put(match: re.Match[str]) -> str:
            is_literal, name = match.groups()
            if is_literal:
                return f"${{{name}}}"
            if name in own:
                return str(self.of(own[name]))
            return str(self._attribute(name) if "." in name else self._ref(name))

        return VARIABLE.sub(put, text)

    def _join(self, value: Any) -> str:
        return str(value[0]).join(str(each) for each in self.of(value[1]))

    def _split(self, value: Any) -> list[str]:
        return str(self.of(value[1])).split(value[0])

    def _select(self, value: Any) -> Any:
        return self.of(value[1])[int(self.of(value[0]))]

    def _find(self, value: Any) -> Any:
        name, first, second = map(self.of, value[:3])
        return self._mappings[name][first][second]

    def _if(self, value: Any) -> Any:
        return self.of(value[1] if self.is_met(value[0]) else value[2])

    def _equals(self, value: Any) -> bool:
        one, other = map(self.of, value)
        return str(one) == str(other)
