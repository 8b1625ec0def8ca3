"""The settings of torch.backends."""

import torch
from show import show_all

show_all(
    """
torch.backends.mps.is_available()
torch.backends.mps.is_built()
torch.backends.mps.is_macos_or_newer(13)
torch.backends.cudnn.is_available()
torch.backends.cudnn.version()
torch.backends.cudnn.enabled
torch.backends.cudnn.benchmark
torch.backends.cudnn.benchmark_limit
torch.backends.cudnn.deterministic
torch.backends.cudnn.allow_tf32
torch.backends.cudnn.is_acceptable(torch.zeros(1))
torch.backends.cudnn.conv.fp32_precision
torch.backends.cudnn.fp32_precision
torch.backends.cuda.matmul.allow_tf32
torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction
torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction
torch.backends.cuda.matmul.fp32_precision
torch.backends.cuda.matmul.foo
torch.backends.cuda.is_built()
torch.backends.cuda.cufft_plan_cache.size
torch.backends.cuda.cufft_plan_cache.max_size
torch.backends.cuda.cufft_plan_cache[0]
torch.backends.cuda.flash_sdp_enabled()
torch.backends.cuda.mem_efficient_sdp_enabled()
torch.backends.cuda.math_sdp_enabled()
torch.backends.cuda.cudnn_sdp_enabled()
torch.backends.cuda.is_flash_attention_available()
torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
torch.backends.mkldnn.is_available()
torch.backends.mkldnn.enabled
torch.backends.mkldnn.deterministic
torch.backends.mkldnn.allow_tf32
torch.backends.openmp.is_available()
torch.backends.opt_einsum.is_available()
torch.backends.opt_einsum.enabled
torch.backends.opt_einsum.strategy
torch.backends.opt_einsum.get_opt_einsum()
torch.backends.cusparselt.is_available()
torch.backends.fp32_precision
torch.backends.disable_global_flags
""",
    {"torch": torch},
)
