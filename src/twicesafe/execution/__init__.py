"""The execution that is running: what it knows of itself, its steps, and what answers its flow's commands.

It belongs to one delivery, and is carried by a context variable: a store, a policy and a protected
function are shared, an execution never is.
"""
