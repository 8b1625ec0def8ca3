"""The shell door: commands that print shell code, and the folder that PYTHONPATH gets."""
