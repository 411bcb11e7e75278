"""The edge: Traefik, its routes, and the allow-list in front of the Docker socket."""

from .config import server_labels
from .proxy import Proxy, ProxyArgs
from .rules import check_path

__all__ = ["Proxy", "ProxyArgs", "check_path", "server_labels"]
