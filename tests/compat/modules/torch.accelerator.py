"""torch.accelerator where there is none."""

import torch
from show import show_all

show_all(
    """
torch.accelerator.is_available()
torch.accelerator.current_accelerator()
torch.accelerator.device_count()
torch.accelerator.current_device_index()
torch.accelerator.set_device_index(0)
torch.accelerator.synchronize()
torch.accelerator.current_stream()
torch.accelerator.empty_cache()
torch.accelerator.memory_allocated()
torch.accelerator.max_memory_allocated()
torch.accelerator.memory_stats()
torch.accelerator.get_memory_info()
torch.accelerator.get_device_capability()
""",
    {"torch": torch},
)
