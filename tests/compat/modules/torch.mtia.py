"""torch.mtia where there is no device."""

import torch
from show import show_all

show_all(
    """
torch.mtia.is_available()
torch.mtia.device_count()
torch.mtia.current_device()
torch.mtia.synchronize()
""",
    {"torch": torch},
)
