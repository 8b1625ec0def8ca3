"""torch.xpu where there is no device."""

import torch
from show import show_all

show_all(
    """
torch.xpu.is_available()
torch.xpu.device_count()
torch.xpu.current_device()
torch.xpu.get_device_name()
torch.xpu.synchronize()
torch.xpu.empty_cache()
torch.xpu.is_bf16_supported()
torch.xpu.memory_allocated()
torch.xpu.max_memory_allocated()
torch.xpu.manual_seed(1)
torch.xpu.manual_seed_all(1)
torch.xpu.get_rng_state()
torch.xpu.mem_get_info()
torch.xpu.get_device_properties(0)
""",
    {"torch": torch},
)
