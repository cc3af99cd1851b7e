import json
import boto3

dynamodb = boto3.client("dynamodb")

def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    dynamodb.execute_statement(Statement=f"INSERT INTO orders VALUE {{'id': '{order['order_id']}'}}")
