from twicesafe import idempotent, step


@idempotent
def handler(event, context):
    update = {
        "TableName": "stats",
        "Key": {"id": "orders"},
        "UpdateExpression": "ADD hits :one",
        "ExpressionAttributeValues": {":one": 1},
    }
    for _ in event["Records"]:
        step.transact("update_item", writes=[{"Update": update}])
