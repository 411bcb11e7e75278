"""Hardened workloads: servers that stay and jobs that end."""

from .args import ContainerArgs, FilesMount, HealthCheck, HostMount, PublishedPort, Rollout, ServerArgs, VolumeMount
from .workloads import Job, Server

__all__ = [
    "ContainerArgs",
    "FilesMount",
    "HealthCheck",
    "HostMount",
    "Job",
    "PublishedPort",
    "Rollout",
    "Server",
    "ServerArgs",
    "VolumeMount",
]
