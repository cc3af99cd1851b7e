"""The side of the delivery: what the handler does outside of its process is seen, and goes to the world."""
