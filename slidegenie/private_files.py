"""Files that only their owner can reach, written whole or not at all."""

import os
import tempfile
from pathlib import Path


def private_folder(path: Path) -> None:
    """Make `path`, and keep everybody else out of it even where it was there before."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)


def write_private(path: Path, text: str, *, mode: int) -> None:
    """Write `text` to `path`. A file that has it already stays the same file: a container may have it mounted."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        path.chmod(mode)
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
