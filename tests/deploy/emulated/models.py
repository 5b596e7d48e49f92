"""The CloudFormation types of this project that moto doesn't know.

moto can make gateways and alarms when it is asked for them by their own calls, and passes them over in silence when
a template has them. Here the template's properties become those calls, as they are: boto3 refuses a
property that the call doesn't have, or that is of the wrong kind.

What is still passed over: the deployment bucket's policy. It refuses whoever comes without TLS, as we do here.
"""

import sys

import boto3
from moto.core.common_models import CloudFormationModel

# Where we are ourselves.
ENDPOINT = f"http://127.0.0.1:{sys.argv[1]}"


def call(service, operation, region, **parameters):
    client = boto3.client(
        service,
        region_name=region,
        endpoint_url=ENDPOINT,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    return getattr(client, operation)(**parameters)


class Called(CloudFormationModel):
    """A resource made, changed and removed by calls. Subclasses say by which."""

    type = ""
    service = ""
    create = update = remove = ""
    # What of the answer to `create` is the resource's id; otherwise which of its properties.
    id_in_answer = None
    id_property = None
    # By which parameters `remove` and `update` know it.
    keys: tuple = ()

    def __init__(self, properties, answer):
        self.properties = properties
        self.physical_resource_id = (
            answer[self.id_in_answer] if self.id_in_answer else properties[self.id_property]
        )

    @classmethod
    def parameters(cls, properties):
        return properties

    @classmethod
    def cloudformation_type(cls):
        return cls.type

    @staticmethod
    def cloudformation_name_type():
        return ""

    @classmethod
    def has_cfn_attr(cls, attr):
        return attr in ("ApiEndpoint", "ApiId")

    def get_cfn_attribute(self, _name):
        return self.physical_resource_id

    @classmethod
    def create_from_cloudformation_json(cls, _name, definition, _account, region, **_):
        properties = cls.parameters(definition["Properties"])
        return cls(properties, call(cls.service, cls.create, region, **properties))

    @classmethod
    def update_from_cloudformation_json(
        cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        properties = cls.parameters(cloudformation_json["Properties"])
        if not cls.update:
            return original_resource
        own_id = {cls.id_in_answer: original_resource.physical_resource_id} if cls.id_in_answer else {}
        changed = {key: value for key, value in properties.items() if key not in cls.only_at_creation}
        call(cls.service, cls.update, region_name, **own_id, **changed)
        original_resource.properties = properties
        return original_resource

    only_at_creation: tuple = ()

    def delete(self, _account, region):
        if not self.remove:
            return
        known = {**self.properties, **({self.id_in_answer: self.physical_resource_id} if self.id_in_answer else {})}
        try:
            call(self.service, self.remove, region, **{key: known[key] for key in self.keys})
        except Exception as error:
            # What it belonged to may have gone first, and taken it along.
            if "NotFound" not in str(error):
                raise RuntimeError(str(error)) from error


class Api(Called):
    type, service = "AWS::ApiGatewayV2::Api", "apigatewayv2"
    create, update, remove = "create_api", "update_api", "delete_api"
    id_in_answer, keys, only_at_creation = "ApiId", ("ApiId",), ("ProtocolType", "Tags")


class Integration(Called):
    type, service = "AWS::ApiGatewayV2::Integration", "apigatewayv2"
    create, update, remove = "create_integration", "update_integration", "delete_integration"
    id_in_answer, keys = "IntegrationId", ("ApiId", "IntegrationId")


class Route(Called):
    type, service = "AWS::ApiGatewayV2::Route", "apigatewayv2"
    create, update, remove = "create_route", "update_route", "delete_route"
    id_in_answer, keys = "RouteId", ("ApiId", "RouteId")


class Stage(Called):
    # moto can't change a stage: what it was created with stays.
    type, service = "AWS::ApiGatewayV2::Stage", "apigatewayv2"
    create, remove = "create_stage", "delete_stage"
    id_property, keys = "StageName", ("ApiId", "StageName")


class Alarm(Called):
    type, service = "AWS::CloudWatch::Alarm", "cloudwatch"
    create, update, remove = "put_metric_alarm", "put_metric_alarm", "delete_alarms"
    id_property = "AlarmName"

    def delete(self, _account, region):
        call("cloudwatch", "delete_alarms", region, AlarmNames=[self.physical_resource_id])


class EventInvokeConfig(Called):
    type, service = "AWS::Lambda::EventInvokeConfig", "lambda"
    create = update = "put_function_event_invoke_config"
    remove = "delete_function_event_invoke_config"
    id_property, keys = "FunctionName", ("FunctionName", "Qualifier")


class Account(Called):
    # It can be set, not removed: as on AWS.
    type, service = "AWS::ApiGateway::Account", "apigateway"
    create = update = "update_account"

    def __init__(self, properties, _answer):
        self.properties = properties
        self.physical_resource_id = "account"

    @classmethod
    def parameters(cls, properties):
        role = properties["CloudWatchRoleArn"]
        return {"patchOperations": [{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]}


class Deployment(CloudFormationModel):
    """Of no effect in moto, which has no such call."""

    def __init__(self, name):
        self.physical_resource_id = name

    @staticmethod
    def cloudformation_name_type():
        return ""

    @staticmethod
    def cloudformation_type():
        return "AWS::ApiGatewayV2::Deployment"

    @classmethod
    def create_from_cloudformation_json(cls, name, _definition, _account, _region, **_):
        return cls(name)

    @classmethod
    def update_from_cloudformation_json(cls, original_resource, **_):
        return original_resource

    def delete(self, _account, _region):
        pass


MODELS = Called.__subclasses__() + [Deployment]
