"""torch.nn.utils.convert_parameters: parameters as one vector, and back."""

import oneflow as flow
import torch


def _one_device(parameters):
    parameters = list(parameters)
    if len({str(param.device) for param in parameters}) > 1:
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported."
        )
    return parameters


def parameters_to_vector(parameters):
    """Return the parameters' elements as one vector."""
    return torch.cat([param.reshape(-1) for param in _one_device(parameters)])


def vector_to_parameters(vec, parameters):
    """Set the parameters to slices of a vector."""
    if not isinstance(vec, flow.Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {torch.typename(vec)}")
    start = 0
    for param in _one_device(parameters):
        stop = start + param.numel()
        param.data = vec[start:stop].detach().clone().reshape(param.shape)
        start = stop
