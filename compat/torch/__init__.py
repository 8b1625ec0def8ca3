import oneflow as flow
from oneflow_mock.compat import hooks

__version__ = hooks.torch_version
