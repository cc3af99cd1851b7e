"""Print the tables."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.conftest import ENVIRONMENT
from tests.servers.dynamodb import dynamodb_local

from .handler import OnSqlite
from .matrix import explore, table
from .test_crashes import prepared

os.environ.update(ENVIRONMENT)
with tempfile.TemporaryDirectory() as folder, dynamodb_local() as endpoint:
    for kind in (OnSqlite(), prepared(endpoint)):
        world = Path(folder) / type(kind).__name__
        world.mkdir()
        print(table(kind, explore(kind, world)), end="\n\n", flush=True)
