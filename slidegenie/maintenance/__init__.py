"""What has to be done on the Docker host now and then: scan, clean, look for newer images, and remember to."""

from .images import ImageRecord, kept_images
from .ledger import Ledger, Task

__all__ = ["ImageRecord", "Ledger", "Task", "kept_images"]
