from stamps import stamped

from ..model import reservations
from ..store import Store

store = Store()


def handler(event, context):
    for record in event["Records"]:
        for each in reservations(record):
            store.put(stamped(each._asdict()))
