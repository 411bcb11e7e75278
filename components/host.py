"""What has to be read from the Docker host, where the engine runs on this machine."""

from pathlib import Path

import pulumi

from .settings import Engine, SettingsError


def socket_group(engine: Engine) -> str:
    """Return the numeric group that owns the engine's socket: configured, or read from the socket.

    Raises:
        SettingsError: when the socket is not on this machine and the group is not configured.
    """
    if engine.socket_group is not None:
        return str(engine.socket_group)
    try:
        return str(Path(engine.socket).stat().st_gid)
    except OSError:
        raise SettingsError(
            f"Pulumi.{pulumi.get_stack()}.yaml",
            [
                (
                    f"engine.socketGroup: is required when {engine.socket} is not on this machine; on the Docker host,"
                    f" `stat -c %g {engine.socket}` prints it"
                )
            ],
        ) from None
