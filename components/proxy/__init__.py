"""The edge: Traefik, its routes, and the allow-list in front of the Docker socket."""

from .config import server_labels
from .proxy import Proxy, ProxyArgs

__all__ = ["Proxy", "ProxyArgs", "server_labels"]
