"""The rules of the service in plain Python: no framework, no I/O."""
