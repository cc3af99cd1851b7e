"""What happens between a delivery and its reply, as pure decisions.

What lives here uses the standard library only, and has no clock, no I/O and no threads:
a flow is a generator that yields commands and is sent their replies.
"""
