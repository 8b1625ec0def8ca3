"""torch.cuda where OneFlow's differs."""

from oneflow_mock.compat.kernels import legacy_types

globals().update(legacy_types.CUDA)
