"""Makes a target group and six servers of two colours on a moto server, runs the script of config/deploy before and after a
switch, and prints who is a target each time. Arguments: the script."""
import json
import subprocess
import sys

import boto3

ec2, balancer = boto3.client("ec2"), boto3.client("elbv2")
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
group = balancer.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]


def launch(channel, role):
    tags = [{"Key": "ReleaseChannel", "Value": channel}] + [{"Key": "ReleaseRole", "Value": role}] * bool(role)
    specification = [{"ResourceType": "instance", "Tags": tags}]
    run = ec2.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=subnet, TagSpecifications=specification
    )
    return run["Instances"][0]["InstanceId"]


def turn(servers, role):
    ec2.create_tags(Resources=servers, Tags=[{"Key": "ReleaseRole", "Value": role}])


def look(*more):
    script = [sys.executable, sys.argv[1], "--channel", "web-prod", "--target-group", group, *more]
    ran = subprocess.run(script, capture_output=True, text=True)
    health = balancer.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    there = sorted(each["Target"]["Id"] for each in health if each["TargetHealth"]["State"] != "draining")
    return {"code": ran.returncode, "said": ran.stderr, "targets": [names.get(server, server) for server in there]}


blue = [launch("web-prod", "active") for _ in range(2)]
green = [launch("web-prod", "preview") for _ in range(2)]
other = launch("db-prod", "active")
names = {server: "blue" for server in blue} | {server: "green" for server in green} | {other: "other"}
steps = {"first": look()}
turn(green, "active")
steps["both"] = look()
turn(blue, "preview")
steps["switched"] = look()
turn(green, "preview")
steps["nobody"] = look()
ec2.stop_instances(InstanceIds=blue[:1])
turn(blue, "active")
steps["one stopped"] = look()
print(json.dumps(steps))
