"""Transfers of scripts/bench-s3.sh with boto3: creates a bucket, or sends or fetches a folder with 8 threads.

    bench.py URL bucket NAME
    bench.py URL send|fetch FOLDER
"""

import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

BUCKET = "boto3"
THREADS = 8

url, action, name = sys.argv[1:]
config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, max_pool_connections=2 * THREADS)
client = boto3.client("s3", endpoint_url=url, config=config)
transfer = TransferConfig(max_concurrency=THREADS)


def send(path):
    client.upload_file(str(path), BUCKET, f"{name}/{path.name}", Config=transfer)


def fetch(key):
    client.download_file(BUCKET, key, f"back/{key}", Config=transfer)


def keys():
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{name}/"):
        yield from (entry["Key"] for entry in page.get("Contents", []))


if action == "bucket":
    client.create_bucket(Bucket=name)
else:
    pathlib.Path("back", name).mkdir(parents=True, exist_ok=True)
    tasks = map(pathlib.Path, sorted(pathlib.Path("files", name).iterdir())) if action == "send" else keys()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(send if action == "send" else fetch, tasks):
            pass
