"""Compile what the backend imports of the standard library, where the base holds only source.

The official Python images hold no byte code, and a read-only container cannot keep what it
compiles: it would do so again at every start and every health check. Only what is imported, as
the rest of the library is as large again.
"""

import importlib
import importlib.util
import py_compile
import sys
import sysconfig
from pathlib import Path

IMPORTED = (
    "alembic.command",
    "asyncpg",
    "fastapi",
    "httptools",
    "multiprocessing.popen_spawn_posix",
    "multiprocessing.resource_tracker",
    "obstore.store",
    "pptx",
    "prometheus_client.multiprocess",
    "pydantic_settings",
    "redis.asyncio",
    "sqlalchemy.ext.asyncio",
    "structlog",
    "uvicorn.supervisors",
    "uvloop",
)
"""Roots of what a server and its health check load; that stripped libraries load shows here too."""

for name in IMPORTED:
    importlib.import_module(name)
library = Path(sysconfig.get_path("stdlib")).resolve()
names = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
files = {Path(name).resolve() for name in names if name}
for file in sorted(files):
    if file.suffix == ".py" and file.is_relative_to(library) and "site-packages" not in file.parts:
        compiled = importlib.util.cache_from_source(str(file))
        if not Path(compiled).exists():
            # By hash, as everywhere in the image: nothing in it depends on when it was built.
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(file), compiled, doraise=True, invalidation_mode=mode)
