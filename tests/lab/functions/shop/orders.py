"""A handler in a package, which imports from its neighbour."""

from __future__ import annotations

from .names import NAME


def handler(event, context):
    return NAME


class Orders:
    def handle(self, event, context):
        return f"{NAME} {type(self).__name__}"


orders = Orders()
