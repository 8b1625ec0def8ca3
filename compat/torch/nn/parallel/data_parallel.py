"""torch.nn.parallel.data_parallel: a module on the one device that there is."""

from torch.nn import Module

from oneflow_mock.compat import hooks


class DataParallel(Module):
    """A wrapper that would spread batches over GPUs; on one device it calls its module."""

    def __init__(self, module, device_ids=None, output_device=None, dim=0):
        super().__init__()
        self.module = module
        self.dim = dim
        self.device_ids = [] if device_ids is None else list(device_ids)
        self.output_device = output_device
        if len(self.device_ids) > 1:
            hooks.no_effect("torch.nn.DataParallel", "device_ids")

    def forward(self, *inputs, **kwargs):
        """Call the module."""
        return self.module(*inputs, **kwargs)


def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None):
    """Call a module as `DataParallel` would."""
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*inputs, **(module_kwargs or {}))
