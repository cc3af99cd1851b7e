"""A layer: what several functions share."""

import uuid


def stamped(fields):
    return {**fields, "id": f"{fields['sku']}#{uuid.uuid4().hex[:12]}"}
