"""torch.nn.modules.batchnorm: OneFlow's classes, shown as PyTorch shows them."""

from oneflow.nn.modules import batchnorm as engine

from oneflow_mock.compat import hooks


def _show(self):
    return (
        f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
        f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
    )


hooks.patch(engine._NormBase, "extra_repr", _show)
hooks.patch(engine._NormBase, "_version", 2)
