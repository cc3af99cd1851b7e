"""For users' own tests, with pytest: the contract that every store keeps.

Nothing here is on the import path of `import twicesafe`.
"""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("twicesafe.testing.trial", "twicesafe.testing.contract", "twicesafe.testing.rules")
