import asyncio
import json

import aiohttp


async def notify(order):
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.post("https://hooks.example.com/orders", json=order) as response:
            return await response.json()


def handler(event, context):
    order = json.loads(event["Records"][0]["body"])
    asyncio.get_event_loop_policy().new_event_loop().run_until_complete(notify(order))
