import json

from twicesafe import TransactionRefused, idempotent, step


@idempotent(key="json(body).order_id")
def handler(event, context):
    body = json.loads(event["body"])
    item = {"id": body["order_id"], "amount": body["amount"]}
    put = {"TableName": "orders", "Item": item, "ConditionExpression": "attribute_not_exists(id)"}
    try:
        step.transact("put_item", writes=[{"Put": put}])
    except TransactionRefused:
        return {"statusCode": 409, "body": "exists"}
    return {"statusCode": 201, "body": json.dumps(item)}
