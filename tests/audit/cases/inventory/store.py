import os
from functools import cached_property

import boto3


class Store:
    @cached_property
    def table(self):
        return boto3.resource("dynamodb").Table(os.environ["RESERVATIONS_TABLE"])

    def put(self, item):
        self.table.put_item(Item=item)
