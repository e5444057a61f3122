"""Keeps a HAProxy backend to the servers whose role tag says `active`: what HAProxy's data plane does with EC2 discovery.

The backend names each server by its instance id. Whoever becomes active is let in before anybody else is drained, and while
no server is active, or the tags cannot be read, the backend stays as it is.
"""
import argparse
import socket
import time

import boto3
from botocore.config import Config


def arguments():
    parser = argparse.ArgumentParser()
    for name in ["endpoint", "region", "channel-tag", "channel", "role-tag", "socket", "backend"]:
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--every", type=float, default=0.1)
    return parser.parse_args()


def roles(ec2, asked):
    """The role of each running server of the channel."""
    filters = [
        {"Name": "tag:" + asked.channel_tag, "Values": [asked.channel]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    found = {}
    for page in ec2.get_paginator("describe_instances").paginate(Filters=filters):
        for reservation in page["Reservations"]:
            for instance in reservation["Instances"]:
                tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
                found[instance["InstanceId"]] = tags.get(asked.role_tag, "")
    return found


def tell(asked, server, state):
    """Sends HAProxy one command."""
    with socket.socket(socket.AF_UNIX) as haproxy:
        haproxy.settimeout(5)
        haproxy.connect(asked.socket)
        haproxy.sendall(f"set server {asked.backend}/{server} state {state}\n".encode())
        said = haproxy.makefile().read().strip()
    if said:
        raise RuntimeError(said)


def main():
    asked = arguments()
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)
    ec2 = boto3.client("ec2", endpoint_url=asked.endpoint, region_name=asked.region, config=config)
    states = {}
    while True:
        try:
            found = roles(ec2, asked)
            active = sorted(server for server, role in found.items() if role == "active")
            if active:
                wanted = [(server, "ready") for server in active]
                wanted += [(server, "drain") for server in sorted(found) if server not in active]
                for server, state in wanted:
                    if states.get(server) != state:
                        tell(asked, server, state)
                        states[server] = state
                        print(server, state, flush=True)
        except Exception as error:  # It tries again: nothing here may end it.
            print("stays as it is:", error, flush=True)
        time.sleep(asked.every)


main()
