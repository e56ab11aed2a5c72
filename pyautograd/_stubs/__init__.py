"""Type stubs, made from the registry: ``python -m pyautograd._stubs --write`` or ``--check``."""
