"""A result to text and back, type-exact: what the first caller gets is what the record decodes to."""

from .codec import Codec, Kept

__all__ = ["Codec", "Kept"]
