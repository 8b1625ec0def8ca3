"""torch.nn.utils.parametrizations: weight and spectral normalisation.

``orthogonal`` needs factorisations that OneFlow lacks.
"""

import oneflow as flow
import torch
import torch.nn.functional as F
from torch.nn import Module
from torch.nn.utils import parametrize

from oneflow_mock.compat.kernels import reparametrised


class _WeightNorm(Module):
    """A tensor from its norms along a dimension and a direction."""

    def __init__(self, dim=0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g, weight_v):
        """Return the tensor."""
        return reparametrised.weight_norm(weight_v, weight_g, self.dim)

    def right_inverse(self, weight):
        """Return norms and direction of a tensor."""
        return reparametrised.norm_except_dim(weight, self.dim), weight


def weight_norm(module, name="weight", dim=0):
    """Part a module's weight into magnitude and direction (original0, original1)."""
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict, prefix, *_):
        """Take checkpoints of the older torch.nn.utils.weight_norm."""
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for place, key in enumerate(old):
                new = f"{prefix}parametrizations.{name}.original{place}"
                state_dict[new] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


class _SpectralNorm(Module):
    """A tensor divided by an estimate of its largest singular value."""

    def __init__(self, weight, n_power_iterations=1, dim=0, eps=1e-12):
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but "
                f"got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got n_power_iterations="
                f"{n_power_iterations}"
            )
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = reparametrised.as_matrix(weight.detach(), self.dim)
            u, v = reparametrised.random_directions(matrix, eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._power_method(matrix, 15)

    def _power_method(self, weight_mat, n_power_iterations):
        with flow.no_grad():
            for _ in range(n_power_iterations):
                left = torch.mv(weight_mat, self._v)
                self._u.copy_(F.normalize(left, dim=0, eps=self.eps))
                right = torch.mv(weight_mat.t(), self._u)
                self._v.copy_(F.normalize(right, dim=0, eps=self.eps))

    def forward(self, weight):
        """Return the tensor divided."""
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = reparametrised.as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        return weight / reparametrised.largest_value(matrix, self._u.clone(), self._v.clone())

    def right_inverse(self, value):
        """Return the tensor itself: it may be normalised already."""
        return value


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """Keep the largest singular value of a module's weight at one."""
    weight = getattr(module, name, None)
    if not isinstance(weight, flow.Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if reparametrised.transposed_columns(module) else 0
    norm = _SpectralNorm(weight, n_power_iterations, dim, eps)
    parametrize.register_parametrization(module, name, norm)
    return module
