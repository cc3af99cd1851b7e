import json

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

processor = BatchProcessor(event_type=EventType.SQS)
ses = boto3.client("ses")


def record_handler(record):
    order = json.loads(record.body)
    ses.send_email(
        Source="shop@example.com",
        Destination={"ToAddresses": [order["email"]]},
        Message={"Subject": {"Data": "Your order"}, "Body": {"Text": {"Data": f"Order {order['order_id']} is on its way."}}},
    )


def handler(event, context):
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
