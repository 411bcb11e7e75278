"""Backups and restore drills of one stack."""

from .args import BackupsArgs
from .backups import Backups

__all__ = ["Backups", "BackupsArgs"]
