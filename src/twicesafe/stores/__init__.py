"""Where records are kept: a command in, a reply out. One file, or folder, a store."""
