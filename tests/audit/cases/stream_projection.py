import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

plain = TypeDeserializer().deserialize
table = boto3.resource("dynamodb").Table("projection")


def handler(event, context):
    for record in event["Records"]:
        image = {name: plain(value) for name, value in record["dynamodb"]["NewImage"].items()}
        try:
            table.put_item(
                Item=image,
                ConditionExpression="attribute_not_exists(id) OR revision < :new",
                ExpressionAttributeValues={":new": image["revision"]},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
