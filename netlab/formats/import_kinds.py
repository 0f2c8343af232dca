"""What kinds of nodes there are, by the types that CloudFormation and Terraform give resources."""

from __future__ import annotations

import re

LAUNCHERS = {"launch-template", "launch-config"}
"""Kinds of what is no node itself: each stands for the instances that are launched by it."""

_KINDS = (
    (r"LoadBalancer$|^(lb|alb|elb)$", "load-balancer"),
    (r"LaunchTemplate$|^launch_template$", "launch-template"),
    (r"LaunchConfiguration$|^launch_configuration$", "launch-config"),
    (r"EC2::Instance$|^(instance|spot_instance_request)$", "instance"),
    (r"NetworkInterface$|^network_interface$", "interface"),
    (r"Lambda::Function$|Serverless::Function$|^lambda_function$", "function"),
    (r"ECS::Service$|^ecs_service$", "service"),
    (r"(RDS|DocDB|Neptune|Redshift)::|^(db_|rds_|docdb_|neptune_|redshift_)", "database"),
    (r"ElastiCache::|MemoryDB::|DAX::|^(elasticache_|memorydb_|dax_)", "cache"),
    (r"VPCEndpoint$|^vpc_endpoint", "endpoint"),
    (r"MountTarget$|^efs_mount_target$", "mount-target"),
)


def kind_of(resource_type: str) -> str:
    """Return the kind of a node (``load-balancer``); of a type that is not listed, its own words (``msk-cluster``)."""
    short = resource_type.removeprefix("AWS::").removeprefix("aws_")
    for pattern, kind in _KINDS:
        if re.search(pattern, short):
            return kind
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", short.replace("::", "-")).replace("_", "-")
    return words.lower()
