from urllib.parse import unquote_plus

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        s3.download_file(bucket, key, "/tmp/original")
        with open("/tmp/original", "rb") as original, open("/tmp/small", "wb") as small:
            small.write(original.read(2))
        s3.upload_file("/tmp/small", "archive", key)
