"""The event sources: how one is recognised, what identifies a delivery of it, and how long it can come again.

A source is a row of a table. To add one: a row in the file of its kin, and a sample event in the tests.
"""

from __future__ import annotations

from .table import is_identified, read_units, units
from .unit import Unit, fingerprint_of, key_of, whole, with_request_id

__all__ = ["Unit", "fingerprint_of", "is_identified", "key_of", "read_units", "units", "whole", "with_request_id"]
