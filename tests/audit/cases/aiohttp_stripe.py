import json
import aiohttp

async def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    headers = {"Idempotency-Key": order["order_id"]}
    async with aiohttp.ClientSession() as session:
        async with session.post("https://api.stripe.com/v1/charges", data={"amount": order["amount"]}, headers=headers) as reply:
            return (await reply.json())["id"]
