"""The edge: Traefik, its routes, and the allow-list in front of the Docker socket."""

from .proxy import Proxy, ProxyArgs
from .routes import check_path, server_labels

__all__ = ["Proxy", "ProxyArgs", "check_path", "server_labels"]
