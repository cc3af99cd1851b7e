"""A delivery in, a key and a fingerprint out."""
