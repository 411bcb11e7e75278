"""The four dashboards, as code: what a panel must have is the same for all, and the JSON is the same every time."""

from .application import APPLICATION
from .builder import Board
from .business import BUSINESS
from .infrastructure import INFRASTRUCTURE
from .security import SECURITY

__all__ = ["BOARDS", "Board"]

BOARDS: tuple[Board, ...] = (APPLICATION, INFRASTRUCTURE, SECURITY, BUSINESS)
"""In the order people read them."""
