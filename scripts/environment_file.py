"""The application's environment as a file, for those who run one container by hand."""

from components.core.labels import ENGINE_SOCKET
from slidegenie.compose.project import SECRETS_DIR
from slidegenie.plan.record import Plan
from slidegenie.plan.view import Service, View, view_of

COMMENTS = {
    "API_OPEN": "Answer everybody, without a token.",
    "API_QUOTA_MIB": "What the presentations of one token's name may take in the bucket, in MiB.",
    "API_TOKENS_FILE": "JSON file with names and SHA-256 hashes of the tokens.",
    "BUILD_QUEUE": "Presentations that may wait to be built, for each worker.",
    "DATABASE_HOST": "PostgreSQL: name or address.",
    "DATABASE_NAME": "Database; must exist.",
    "DATABASE_PASSWORD_FILE": "File with the password of DATABASE_USER.",
    "DATABASE_PORT": "TCP port of PostgreSQL.",
    "DATABASE_SSLMODE": "TLS towards PostgreSQL: disable, prefer, require, verify-ca or verify-full.",
    "DATABASE_SSLROOTCERT": "PEM certificates that PostgreSQL's is trusted by; the public authorities without it.",
    "DATABASE_USER": "Role that logs in; must exist. The platform makes this one; for your own database, name yours.",
    "DRAIN_SECONDS": "After SIGTERM: how long requests are still served while health checks already fail.",
    "FORWARDED_ALLOW_IPS": "Proxies whose X-Forwarded headers are believed: addresses or networks, by commas.",
    "PORT": "TCP port the application listens on.",
    "REDIS_HOST": "Redis: name or address.",
    "REDIS_PASSWORD_FILE": "File with the password of REDIS_USER.",
    "REDIS_PORT": "TCP port of Redis.",
    "REDIS_USER": "Redis user.",
    "RELEASE": "Version shown in logs and metrics.",
    "S3_ACCESS_KEY_FILE": "File with the S3 access key.",
    "S3_BUCKET": "Bucket; made when it is missing.",
    "S3_ENDPOINT": "Object storage: URL without a path.",
    "S3_REGION": "Region that requests to it are signed for.",
    "S3_SECRET_KEY_FILE": "File with the S3 secret key.",
    "SHUTDOWN_SECONDS": "After the drain: how long requests under way may take to finish.",
    "WEB_WORKERS": "Worker processes.",
}
"""What the reference backend makes of each variable that the platform sets."""

_APPLICATION = "app"


def render_env(plan: Plan) -> str:
    """Return the environment of the application as an env file, every variable with a comment.

    Raises:
        ValueError: when a value has more than one line, which an env file cannot say.
    """
    view = view_of(plan)
    service = next(service for service in view.services if service.name == _APPLICATION)
    variables = dict(variable.split("=", 1) for variable in service.inputs["envs"])
    files = {name: value for name, value in variables.items() if name.endswith("_FILE")}
    plain = {name: value for name, value in variables.items() if name not in files}
    return (
        _header(plan, service, view)
        + "".join(_entry(name, value, plan.stack) for name, value in sorted(plain.items()))
        + "\n# ---- secrets: files, never values ---------------------------------------------\n"
        + "".join(_entry(name, value, plan.stack) for name, value in sorted(files.items()))
        + "\n# ---- Docker Compose only ------------------------------------------------------\n"
        + f"\n# Group of the Docker socket: stat -c %g {_socket(view)}\nDOCKER_GID=\n"
    )


def _socket(view: View) -> str:
    """Return the engine's socket on the host, as the one container that has it mounts it."""
    binds = [mount for service in view.services for mount in service.mounts("bind")]
    return next((str(mount["source"]) for mount in binds if mount["target"] == ENGINE_SOCKET), ENGINE_SOCKET)


def _entry(name: str, value: str, stack: str) -> str:
    if "\n" in value:
        raise ValueError(f"{name} has more than one line, which an env file cannot say; mount it as a file instead")
    comment = COMMENTS.get(name, f"Given under backend.environment in Pulumi.{stack}.yaml.")
    return f"\n# {comment}\n{name}={value}\n"


def _named_for_people(image: str, view: View) -> str:
    build = view.build(image)
    return str(build["tags"][0]) if build else image


def _header(plan: Plan, service: Service, view: View) -> str:
    mounted = {view.volume(mount["source"]).key: mount["target"] for mount in service.mounts("volume")}
    mounts = [
        f'-v "$PWD/{SECRETS_DIR / plan.stack / key}:{path}:ro"'
        for key, path in mounted.items()
        if any(volume.key == key and volume.files for volume in view.volumes)
    ]
    tmpfs = [f"--tmpfs {path}:{options}" for path, options in sorted(service.inputs["tmpfs"].items())]
    flags = [
        "--env-file .env.production -p 127.0.0.1:8000:8000",
        *mounts,
        "--read-only --cap-drop ALL --security-opt no-new-privileges:true",
        *tmpfs,
        _named_for_people(str(service.inputs["image"]), view),
    ]
    return (
        f"# The application's environment in stack {plan.stack}, as a template: copy it and change the copy.\n"
        f"# Generated by `make generate` from Pulumi.{plan.stack}.yaml; do not edit.\n"
        "#\n"
        "# One container by hand, with data stores of your own:\n"
        f"# 1. `make secrets STACK={plan.stack}` writes the secret files below {SECRETS_DIR / plan.stack}.\n"
        "#    Replace their content by what your data stores take, and the hosts, users and\n"
        "#    the bucket below by theirs: a container by hand makes none of these users.\n"
        "# 2. Have the image: `scripts/build-images.sh --all` builds each of the variants.\n"
        "# 3. Migrate the database: the command of 4 with `python -m app migrate` behind the image.\n"
        "# 4. Run it:\n"
        "#   docker run " + " \\\n#     ".join(flags) + "\n"
    )
