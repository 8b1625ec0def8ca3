"""The pytest door: ``pytest --mock-torch``."""
