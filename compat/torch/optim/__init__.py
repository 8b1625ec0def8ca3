"""torch.optim: the optimizers of its modules; this one PyTorch shows here only."""

from torch.optim._adafactor import Adafactor

Adafactor.__module__ = "torch.optim"
