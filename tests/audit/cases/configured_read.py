import json

import boto3

ssm = boto3.client("ssm")
secrets = boto3.client("secretsmanager")
table = boto3.resource("dynamodb").Table("orders")


def handler(event, context):
    rate = float(ssm.get_parameter(Name="/shop/vat", WithDecryption=True)["Parameter"]["Value"])
    secret = json.loads(secrets.get_secret_value(SecretId="shop/signing")["SecretString"])
    order = table.get_item(Key={"id": json.loads(event["body"])["order_id"]})["Item"]
    total = float(order["amount"]) * (1 + rate)
    return {"statusCode": 200, "body": json.dumps({"total": total, "signed": secret["key"][:2]})}
