"""What PyTorch calls the nodes of the graph that OneFlow records."""

from __future__ import annotations

import functools
import re

_NAMES = {
    "add_n": "AddBackward0",
    "broadcast_add": "AddBackward0",
    "scalar_add": "AddBackward0",
    "broadcast_sub": "SubBackward0",
    "scalar_sub": "SubBackward0",
    "broadcast_mul": "MulBackward0",
    "scalar_mul": "MulBackward0",
    "broadcast_div": "DivBackward0",
    "scalar_div": "DivBackward0",
    "pow": "PowBackward1",
    "scalar_pow": "PowBackward0",
    "scalar_reverse_pow": "PowBackward2",
    "square": "PowBackward0",
    "negative": "NegBackward0",
    "reduce_sum": "SumBackward0",
    "reduce_mean": "MeanBackward0",
    "reduce_max": "MaxBackward1",
    "reduce_min": "MinBackward1",
    "reduce_prod": "ProdBackward0",
    "log1p": "Log1PBackward0",
    "clip_by_scalar": "ClampBackward1",
    "clip_by_scalar_min": "ClampBackward1",
    "clip_by_scalar_max": "ClampBackward1",
    "reshape": "ViewBackward0",
    "squeeze": "SqueezeBackward1",
    "concat": "CatBackward0",
    "narrow": "SliceBackward0",
    "gather_nd": "IndexBackward0",
    "gather": "IndexSelectBackward0",
    "dim_gather": "GatherBackward0",
    "unfold_tensor": "UnfoldBackward0",
    "copy": "CloneBackward0",
    "to_contiguous": "CloneBackward0",
    "cast": "ToCopyBackward0",
    "matmul": "MmBackward0",
    "broadcast_matmul": "UnsafeViewBackward0",
    "batch_matmul": "BmmBackward0",
    "matrix_vector_product": "MvBackward0",
    "conv1d": "ConvolutionBackward0",
    "conv2d": "ConvolutionBackward0",
    "conv3d": "ConvolutionBackward0",
    "deconv1d": "ConvolutionBackward0",
    "deconv2d": "ConvolutionBackward0",
    "deconv3d": "ConvolutionBackward0",
    "normalization": "NativeBatchNormBackward0",
    "layer_norm": "NativeLayerNormBackward0",
    "group_norm": "NativeGroupNormBackward0",
    "max_pool_1d": "MaxPool2DWithIndicesBackward0",
    "max_pool_2d": "MaxPool2DWithIndicesBackward0",
    "max_pool_3d": "MaxPool3DWithIndicesBackward0",
    "avg_pool_2d": "AvgPool2DBackward0",
    "avg_pool_3d": "AvgPool3DBackward0",
    "upsample_nearest_2d": "UpsampleNearest2DBackward0",
    "upsample_bilinear_2d": "UpsampleBilinear2DBackward0",
    "pad": "ConstantPadNdBackward0",
    "elementwise_maximum": "MaximumBackward0",
    "elementwise_minimum": "MinimumBackward0",
    "binary_cross_entropy_with_logits_reduce_mean": "BinaryCrossEntropyWithLogitsBackward0",
    "accumulate_grad": "torch::autograd::AccumulateGrad",
}


@functools.lru_cache(maxsize=512)
def name_of(name: str) -> str:
    """Return PyTorch's name of a node for OneFlow's."""
    short = name.rpartition("::")[2]
    short = short[: -len("_backward")] if short.endswith("_backward") else short
    known = _NAMES.get(short)
    if known is not None:
        return known
    words = re.split("_+", short.strip("_"))
    return "".join(word[:1].upper() + word[1:] for word in words) + "Backward0"
