import json
import boto3
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent

sns = boto3.client("sns")
layer = DynamoDBPersistenceLayer(table_name="idempotency")
config = IdempotencyConfig(event_key_jmespath="Records[0].messageId")

@idempotent(persistence_store=layer, config=config)
def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    sns.publish(
        TopicArn="arn:aws:sns:us-east-1:123456789012:orders.fifo", Message=json.dumps(order),
        MessageGroupId="g", MessageDeduplicationId=order["order_id"])
    return {"ok": True}
