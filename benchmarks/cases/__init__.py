"""The cases: plain PyTorch, the same text for both sides."""
