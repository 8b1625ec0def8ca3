"""Numerics that several overlays share; nothing here is named by a program directly."""
