from ..model import reservations
from ..store import Store

store = Store()


def handler(event, context):
    for record in event["Records"]:
        for each in reservations(record):
            store.put({"id": f"{each.sku}#{each.order}", "count": 0, "state": "released"})
