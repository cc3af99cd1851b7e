"""Real servers for the tests: fetched from the package registries, started on free loopback ports, and stopped."""
