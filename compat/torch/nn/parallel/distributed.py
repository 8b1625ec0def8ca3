"""A module in several processes."""

from __future__ import annotations

import contextlib

import torch.distributed.distributed_c10d as c10d
from torch.nn import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """Calls its module: of one process, the gradients are everybody's already."""

    def __init__(
        self,
        module,
        device_ids=None,
        output_device=None,
        dim=0,
        broadcast_buffers=True,
        process_group=None,
        bucket_cap_mb=None,
        find_unused_parameters=False,
        check_reduction=False,
        gradient_as_bucket_view=False,
        static_graph=False,
        **kwargs,
    ) -> None:
        super().__init__()
        self.process_group = process_group or c10d._world()
        if not any(one.requires_grad for one in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter "
                "that requires a gradient."
            )
        self.module = module
        self.dim = dim
        self.device_ids = device_ids
        self.output_device = output_device
        self.broadcast_buffers = broadcast_buffers
        self.find_unused_parameters = find_unused_parameters
        self.require_backward_grad_sync = True

    def forward(self, *inputs, **kwargs):
        """Call the module."""
        return self.module(*inputs, **kwargs)

    @contextlib.contextmanager
    def no_sync(self):
        """Leave the gradients alone for a block: nobody would change them."""
        before = self.require_backward_grad_sync
        self.require_backward_grad_sync = False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def join(
        self, divide_by_initial_world_size=True, enable=True, throw_on_early_termination=False
    ):
        """Return a block in which processes may end at different times: there is one."""
        return contextlib.nullcontext()
