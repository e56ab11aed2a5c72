"""Type stubs, made from the registry of ops: ``python -m pyautograd._stubs --write`` or ``--check``."""
