"""What answers a handler's operations and keeps the state: one process for each schedule."""
