"""What the tests of the backup driver have in common: an environment, and a bucket in memory."""

from pathlib import Path

import obstore
from obstore.store import MemoryStore
from slidegenie_backup.config import Config
from slidegenie_backup.objects import Bucket


def configured(tmp_path: Path, **variables: str) -> Config:
    password = tmp_path / "password"
    password.write_text("secret")
    return Config.read(
        {
            "BACKUP_STACK": "slidegenie-test",
            "RESTIC_REPOSITORY": "/repository",
            "BACKUP_PLACE": "volume",
            "RESTIC_PASSWORD_FILE": str(password),
            "BACKUP_DEPUTY_FILE": str(password),
            "BACKUP_WORK": str(tmp_path / "work"),
            "BACKUP_TEXTFILES": str(tmp_path / "textfiles"),
            **variables,
        }
    )


def bucket(**objects: bytes) -> tuple[MemoryStore, Bucket]:
    store = MemoryStore()
    for key, content in objects.items():
        obstore.put(store, key, content)
    return store, Bucket(store, "test")
