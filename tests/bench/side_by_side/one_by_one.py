"""Tags every server of a channel with one CreateTags call for each: the script that many teams have.

usage: one_by_one.py CHANNEL VERSION THREADS
With one thread, call after call; with more, beside each other. A throttled call is made again after a pause that doubles each
time, with full jitter. botocore's own retries give up under a throttle that lasts, so they are off.
"""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

LONGEST_PAUSE = 20

channel, version, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
retries = {"mode": "standard", "total_max_attempts": 1}
ec2 = boto3.client("ec2", config=Config(retries=retries, max_pool_connections=threads))

pages = ec2.get_paginator("describe_instances").paginate(
    Filters=[{"Name": "tag:ReleaseChannel", "Values": [channel]}],
    PaginationConfig={"PageSize": 1000},
)
ids = [i["InstanceId"] for page in pages for r in page["Reservations"] for i in r["Instances"]]


def tag(server):
    pause = 1
    while True:
        try:
            return ec2.create_tags(Resources=[server], Tags=[{"Key": "ReleaseVersion", "Value": version}])
        except ClientError as error:
            if error.response["Error"]["Code"] != "RequestLimitExceeded":
                raise
        time.sleep(random.uniform(0, pause))
        pause = min(2 * pause, LONGEST_PAUSE)


if threads == 1:
    for server in ids:
        tag(server)
else:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(tag, ids))
