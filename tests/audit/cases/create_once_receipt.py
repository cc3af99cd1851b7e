import json
import uuid
import boto3
from botocore.exceptions import ClientError

table = boto3.resource("dynamodb").Table("orders")

def handler(event, context):
    order = json.loads(event["body"])
    item = {"id": order["order_id"], "receipt": str(uuid.uuid4())}
    try:
        table.put_item(Item=item, ConditionExpression="attribute_not_exists(id)")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        item = table.get_item(Key={"id": item["id"]}, ConsistentRead=True)["Item"]
    return {"statusCode": 201, "body": json.dumps(item)}
