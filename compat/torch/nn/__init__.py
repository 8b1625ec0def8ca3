"""torch.nn: OneFlow's modules, their base brought to PyTorch's first."""

import torch.nn.modules.module  # noqa: F401  (every module needs it, whoever names one first)
