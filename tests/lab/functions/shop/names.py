"""What the handler beside it imports."""

NAME = "a package"
