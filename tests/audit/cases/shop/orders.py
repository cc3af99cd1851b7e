from .dependencies import bus
from .names import QUEUE

def handler(event, context):
    bus.send(QUEUE, event["detail"])
