"""Plays one schedule again: see replay.py."""

import sys

from .replay import main

sys.exit(main())
