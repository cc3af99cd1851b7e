"""What those hear who read a handler's reply in a form of its own."""

from .http import HEADER, HTTP
from .reader import Reader
from .s3_batch import S3_BATCH

__all__ = ["HEADER", "HTTP", "S3_BATCH", "Reader"]
