"""What those hear who read a handler's reply in a form of its own: one file for each kind of reader."""
