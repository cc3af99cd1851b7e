import os

QUEUE = os.environ["ORDERS_QUEUE_URL"]
