#!/usr/bin/env python3
"""Keeps a target group of an AWS load balancer to the servers whose role tag says `active`.

Target groups do not follow tags. Run this every few seconds (a systemd timer, a cron Lambda), or when EventBridge says that
tags changed (source aws.tag, detail.service ec2, detail.changed-tag-keys ReleaseRole). One run:

  1. registers each active server that is not a target yet,
  2. waits until all active ones are healthy,
  3. and only then deregisters the targets that are not active.

Where no server is active, or the active ones do not become healthy in time, nobody is deregistered, and it ends with 1.
Let `overlap` of the strategy be longer than this takes: the interval, and what the health check of the target group needs.

It needs boto3, and these permissions: ec2:DescribeInstances, elasticloadbalancing:DescribeTargetHealth,
elasticloadbalancing:RegisterTargets, elasticloadbalancing:DeregisterTargets.
"""
import argparse
import sys
import time

import boto3


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--channel", required=True, help="the channel, as in the sheet")
    parser.add_argument("--target-group", required=True, help="its ARN")
    parser.add_argument("--channel-tag", default="ReleaseChannel", help="tags.channel of fleetsheet's configuration")
    parser.add_argument("--role-tag", default="ReleaseRole", help="role_tag of the strategy")
    parser.add_argument("--wait", type=float, default=60, help="seconds for the active servers to become healthy")
    return parser.parse_args()


def active_servers(ec2, asked):
    """The ids of the running servers of the channel that are active."""
    filters = [
        {"Name": "tag:" + asked.channel_tag, "Values": [asked.channel]},
        {"Name": "tag:" + asked.role_tag, "Values": ["active"]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=filters)
    return {
        instance["InstanceId"]
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    }


def targets(balancer, group):
    """The state of each target, by id; those that are leaving already do not count."""
    health = balancer.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    states = {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in health}
    return {server: state for server, state in states.items() if state != "draining"}


def named(servers):
    return [{"Id": server} for server in sorted(servers)]


def main():
    asked = arguments()
    ec2, balancer = boto3.client("ec2"), boto3.client("elbv2")
    active = active_servers(ec2, asked)
    if not active:
        print(f"no running server of {asked.channel} is active; the target group stays as it is", file=sys.stderr)
        return 1
    new = active - targets(balancer, asked.target_group).keys()
    if new:
        balancer.register_targets(TargetGroupArn=asked.target_group, Targets=named(new))
        print("registered", *sorted(new))
    give_up = time.monotonic() + asked.wait
    while True:
        states = targets(balancer, asked.target_group)
        ill = {server for server in active if states.get(server) != "healthy"}
        if not ill:
            break
        if time.monotonic() >= give_up:
            words = "not healthy yet, so nobody is deregistered: " + " ".join(sorted(ill))
            print(words, file=sys.stderr)
            return 1
        time.sleep(1)
    old = states.keys() - active
    if old:
        balancer.deregister_targets(TargetGroupArn=asked.target_group, Targets=named(old))
        print("deregistered", *sorted(old))
    return 0


if __name__ == "__main__":
    sys.exit(main())
