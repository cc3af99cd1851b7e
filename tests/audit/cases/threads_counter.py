import json
import threading
import boto3

table = boto3.resource("dynamodb").Table("stats")

def count():
    table.update_item(Key={"id": "orders"}, UpdateExpression="ADD hits :one", ExpressionAttributeValues={":one": 1})

def handler(event, context):
    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
