"""torch.mps where there is no device."""

import torch
from show import show_all

show_all(
    """
torch.mps.is_available()
torch.mps.device_count()
torch.mps.synchronize()
torch.mps.empty_cache()
torch.mps.current_allocated_memory()
torch.mps.driver_allocated_memory()
torch.mps.recommended_max_memory()
torch.mps.manual_seed(0)
torch.mps.seed()
torch.mps.get_rng_state()
torch.mps.set_per_process_memory_fraction(0.5)
""",
    {"torch": torch},
)
