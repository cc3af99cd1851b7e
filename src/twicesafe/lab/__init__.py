"""A local Lambda that delivers at least once, with faults: for the demo, the audit and the tests.

Each delivery is a process of its own, started as Lambda starts an execution environment, given the
event and the context that the runtime gives, and killed (SIGKILL) at its deadline or when asked.
Nothing here changes what a handler does: what it did is read from its decisions and its reply.
"""
