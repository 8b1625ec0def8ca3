"""torch.cpu."""

import torch
from show import show_all

show_all(
    """
torch.cpu.is_available()
torch.cpu.device_count()
torch.cpu.current_device()
torch.cpu.synchronize()
""",
    {"torch": torch},
)
