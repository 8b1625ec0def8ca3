"""torch.optim: the optimizers of its modules; these PyTorch shows here only."""

from torch.optim._adafactor import Adafactor
from torch.optim._muon import Muon

Adafactor.__module__ = Muon.__module__ = "torch.optim"
