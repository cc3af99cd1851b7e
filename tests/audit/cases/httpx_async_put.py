import asyncio
import json
import httpx

async def send(order):
    async with httpx.AsyncClient() as client:
        response = await client.put(f"https://crm.example.com/orders/{order['order_id']}", json=order)
        response.raise_for_status()

def handler(event, context):
    asyncio.run(send(json.loads(event["Records"][0]["body"])))
