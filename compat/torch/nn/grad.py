"""torch.nn.grad: gradients of convolutions, of the input or of the weight."""

import torch
import torch.nn.functional as F


def _of_input(name):
    convolve = getattr(F, name)

    def gradient(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
        with torch.enable_grad():
            input = grad_output.new_zeros(tuple(input_size)).requires_grad_()
            answer = convolve(input, weight.detach(), None, stride, padding, dilation, groups)
        return torch.autograd.grad(answer, input, grad_output)[0]

    return _named(gradient, name, "input")


def _of_weight(name):
    convolve = getattr(F, name)

    def gradient(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
        with torch.enable_grad():
            weight = grad_output.new_zeros(tuple(weight_size)).requires_grad_()
            answer = convolve(input.detach(), weight, None, stride, padding, dilation, groups)
        return torch.autograd.grad(answer, weight, grad_output)[0]

    return _named(gradient, name, "weight")


def _named(gradient, name, part):
    gradient.__name__ = gradient.__qualname__ = f"{name}_{part}"
    gradient.__doc__ = f"Return the gradient of {name} for its {part}, of the size given."
    return gradient


conv1d_input = _of_input("conv1d")
conv1d_weight = _of_weight("conv1d")
conv2d_input = _of_input("conv2d")
conv2d_weight = _of_weight("conv2d")
conv3d_input = _of_input("conv3d")
conv3d_weight = _of_weight("conv3d")
