"""What a program may assign to a tensor's gradient, and what it may not."""

import torch

parameter = torch.nn.Parameter(torch.ones(3))
for value in (3, "text", [1.0], torch.ones(2), torch.ones(3, 1), torch.ones(3)):
    try:
        parameter.grad = value
        print("assigned", parameter.grad)
    except Exception as error:
        print(type(error).__name__, error)
for value in (torch.ones(3, dtype=torch.float64), parameter):
    try:
        parameter.grad = value
    except RuntimeError as error:
        print(str(error)[:40])
del parameter.grad
print(parameter.grad)
tensor = torch.ones(2, requires_grad=True)
(tensor * 3).sum().backward()
tensor.grad += 1
print(tensor.grad)
tensor.grad = None
print(tensor.grad)
