"""Prints, as JSON, everything there is in the emulated AWS that a deployment may have made.

    python inventory.py ENDPOINT REGION [FOLDER]

With a folder, the functions' packages are put there, as NAME.zip: from the bucket, where the stack says they are.
"""

import ast
import json
import sys

import boto3

endpoint, region, *folders = sys.argv[1:]


def client(service):
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def every(service, operation, key, **parameters):
    one = client(service)
    if one.can_paginate(operation):
        pages = one.get_paginator(operation).paginate(**parameters)
    else:
        pages = [getattr(one, operation)(**parameters)]
    return [item for page in pages for item in page.get(key, [])]


def document(given):
    """moto answers some as text: the template in JSON, policies that came with it as Python prints them."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return ast.literal_eval(given)


def packages(stack):
    """Where the package of each of the stack's functions is."""
    bucket = next(
        resource["PhysicalResourceId"]
        for resource in every("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack)
        if resource["ResourceType"] == "AWS::S3::Bucket"
    )
    template = document(client("cloudformation").get_template(StackName=stack)["TemplateBody"])
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            properties = resource["Properties"]
            yield properties["FunctionName"], bucket, properties["Code"]["S3Key"]


def function(configuration):
    name = configuration["FunctionName"]
    try:
        policy = client("lambda").get_policy(FunctionName=name)["Policy"]
        callers = [
            {**statement["Principal"], **statement.get("Condition", {})} for statement in json.loads(policy)["Statement"]
        ]
    except client("lambda").exceptions.ResourceNotFoundException:
        callers = []
    return {**configuration, "Callers": callers}


def role(listed):
    iam, name = client("iam"), listed["RoleName"]
    policies = [
        document(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {
        "Arn": listed["Arn"],
        "Boundary": iam.get_role(RoleName=name)["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "Statements": [statement for policy in policies for statement in policy["Statement"]],
        "Attached": [policy["PolicyArn"] for policy in attached],
    }


def api(listed):
    known = {"ApiId": listed["ApiId"]}
    targets = {
        integration["IntegrationId"]: integration.get("IntegrationUri", "")
        for integration in every("apigatewayv2", "get_integrations", "Items", **known)
    }
    return {
        **listed,
        "Routes": {
            route["RouteKey"]: targets.get(route["Target"].removeprefix("integrations/"))
            for route in every("apigatewayv2", "get_routes", "Items", **known)
        },
        "Stages": every("apigatewayv2", "get_stages", "Items", **known),
    }


buckets = [bucket["Name"] for bucket in every("s3", "list_buckets", "Buckets")]
inventory = {
    "functions": [function(one) for one in every("lambda", "list_functions", "Functions")],
    "roles": [role(one) for one in every("iam", "list_roles", "Roles")],
    "apis": [api(one) for one in every("apigatewayv2", "get_apis", "Items")],
    "rules": [
        {**rule, "Targets": every("events", "list_targets_by_rule", "Targets", Rule=rule["Name"])}
        for rule in every("events", "list_rules", "Rules")
    ],
    "alarms": every("cloudwatch", "describe_alarms", "MetricAlarms"),
    "dashboards": [board["DashboardName"] for board in every("cloudwatch", "list_dashboards", "DashboardEntries")],
    "logGroups": every("logs", "describe_log_groups", "logGroups"),
    "topics": [topic["TopicArn"] for topic in every("sns", "list_topics", "Topics")],
    "queues": every("sqs", "list_queues", "QueueUrls"),
    "buckets": {name: [item["Key"] for item in every("s3", "list_objects_v2", "Contents", Bucket=name)] for name in buckets},
    "stacks": {
        stack["StackName"]: document(
            client("cloudformation").get_template(StackName=stack["StackName"])["TemplateBody"]
        )["Resources"]
        for stack in every("cloudformation", "describe_stacks", "Stacks")
    },
    "gatewayLogRole": client("apigateway").get_account().get("cloudwatchRoleArn"),
}
for folder in folders:
    for stack in inventory["stacks"]:
        for name, bucket, key in packages(stack):
            client("s3").download_file(bucket, key, f"{folder}/{name}.zip")
print(json.dumps(inventory, default=str))
