"""S3-compatible object storage, built in (MinIO) or external."""

from dataclasses import dataclass

import pulumi

from ..containers import FilesMount, HealthCheck, Server, ServerArgs, VolumeMount
from ..containers.foundation import Foundation, Zone
from ..containers.parts import Parts
from ..core.text import json_text
from ..settings import ExternalStorage, ImagesSettings, StorageSettings
from .clients import Endpoint, LoginArgs, login


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """What the object store needs to know."""

    foundation: Foundation
    """The stack's foundation."""
    root: tuple[pulumi.Output[str], pulumi.Output[str]]
    """S3 access and secret key of its root user; services never get them."""
    access_key: pulumi.Output[str]
    """S3 access key of services: a user that may use the bucket and nothing else."""
    secret_key: pulumi.Output[str]
    """S3 secret key of that user."""
    settings: StorageSettings = StorageSettings()
    """Bucket, limits."""
    images: ImagesSettings = ImagesSettings()
    """Which MinIO."""
    data_root: str | None = None
    """Where the data is, see `DataVolumeArgs.data_root`."""


class Storage(pulumi.ComponentResource):
    """One MinIO, without its web console, reachable on the data network and, for its metrics, the monitoring one.

    Owns the container, its data volume, which Pulumi refuses to delete, the bucket and the login of services. Gives
    nobody the keys of its root user.
    """

    endpoint: Endpoint
    """How clients reach it."""

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("slidegenie:index:Storage", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        parts = Parts(name=name, foundation=args.foundation, parent=self, images=args.images, data_root=args.data_root)
        data = parts.data("minio")
        root_access, root_secret = args.root
        secrets = parts.files("secrets", {"access-key": root_access, "secret-key": root_secret})
        image = parts.pulled(args.images.minio)
        server = Server(
            name,
            ServerArgs(
                foundation=args.foundation,
                service="minio",
                image=image,
                zones=[Zone.DATA, Zone.MONITORING],
                limits=args.settings.limits,
                command=["server", "/data", "--address", ":9000"],
                environment={
                    "MINIO_ROOT_USER_FILE": "/run/secrets/access-key",
                    "MINIO_ROOT_PASSWORD_FILE": "/run/secrets/secret-key",
                    "MINIO_BROWSER": "off",
                    "MINIO_UPDATE": "off",
                    # Numbers only, and only for what shares a network with it; everything else still asks for the keys.
                    "MINIO_PROMETHEUS_AUTH_TYPE": "public",
                    # Where it looks for certificates; the image's own home is not ours to read.
                    "HOME": "/tmp",  # noqa: S108 - a folder of the container
                    "GOMEMLIMIT": f"{args.settings.limits.memory_mib * 9 // 10}MiB",
                },
                files=[FilesMount(files=secrets, path="/run/secrets")],
                volumes=[VolumeMount(volume=data, path="/data")],
                health=HealthCheck(
                    command=["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:9000/minio/health/live"]
                ),
                grace_seconds=30,
            ),
            opts=child,
        )
        admitted = login(
            f"{name}-login",
            LoginArgs(
                foundation=args.foundation,
                store="minio",
                image=parts.pulled(args.images.minio_client, "client"),
                files={"policy.json": _policy(args.settings.bucket)},
                secrets={
                    "root-access-key": root_access,
                    "root-secret-key": root_secret,
                    "access-key": args.access_key,
                    "secret-key": args.secret_key,
                },
                environment={"BUCKET": args.settings.bucket},
                after=[server],
            ),
            parent=self,
        )
        self.endpoint = _endpoint(
            ExternalStorage(endpoint="http://minio:9000"),
            args.settings.bucket,
            args.access_key,
            args.secret_key,
            ready=(server, admitted),
        )
        self.register_outputs({})


def external_storage(
    where: ExternalStorage, bucket: str, access_key: pulumi.Output[str], secret_key: pulumi.Output[str]
) -> Endpoint:
    """Return how clients reach an object store that somebody else runs."""
    return _endpoint(where, bucket, access_key, secret_key)


def _endpoint(
    where: ExternalStorage,
    bucket: str,
    access_key: pulumi.Output[str],
    secret_key: pulumi.Output[str],
    ready: tuple[pulumi.Resource, ...] = (),
) -> Endpoint:
    return Endpoint(
        environment={"S3_ENDPOINT": where.endpoint, "S3_REGION": where.region, "S3_BUCKET": bucket},
        secrets={"storage-access-key": access_key, "storage-secret-key": secret_key},
        secret_variables={"S3_ACCESS_KEY_FILE": "storage-access-key", "S3_SECRET_KEY_FILE": "storage-secret-key"},
        ready=ready,
    )


def _policy(bucket: str) -> str:
    """Everything a service does with its bucket, which includes making it."""
    allowed = {
        f"arn:aws:s3:::{bucket}": ["CreateBucket", "GetBucketLocation", "ListBucket", "ListBucketMultipartUploads"],
        f"arn:aws:s3:::{bucket}/*": [
            "AbortMultipartUpload",
            "DeleteObject",
            "GetObject",
            "ListMultipartUploadParts",
            "PutObject",
        ],
    }
    statements = [
        {"Effect": "Allow", "Action": [f"s3:{action}" for action in actions], "Resource": [resource]}
        for resource, actions in allowed.items()
    ]
    return json_text({"Version": "2012-10-17", "Statement": statements})
