"""torch.special: the functions that are operators of torch under another name, and compositions."""

import oneflow as flow
import torch

exp2 = torch.exp2
expm1 = torch.expm1
erf = torch.erf
erfc = torch.erfc
erfinv = torch.erfinv
log1p = torch.log1p
sinc = torch.sinc
xlogy = torch.xlogy
expit = torch.sigmoid
softmax = torch.softmax
log_softmax = torch.log_softmax
round = torch.round


def logit(input, eps=None, *, out=None):
    """Return log(x / (1 - x)), x held within [eps, 1 - eps] where eps is given."""
    if eps is not None:
        input = torch.clamp(input, eps, 1.0 - eps)
    return flow.log(input / (1.0 - input))


def entr(input, *, out=None):
    """Return -x log(x); 0 at 0 and -inf below."""
    answer = -torch.xlogy(input, input)
    return flow.where(input < 0, flow.full_like(input, float("-inf")), answer)
