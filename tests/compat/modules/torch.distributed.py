"""torch.distributed where no process group was initialised."""

import torch
from show import show_all

show_all(
    """
torch.distributed.is_initialized()
torch.distributed.get_rank()
torch.distributed.get_world_size()
torch.distributed.get_backend()
torch.distributed.barrier()
torch.distributed.all_reduce(torch.zeros(1))
torch.distributed.broadcast(torch.zeros(1),0)
torch.distributed.destroy_process_group()
torch.distributed.is_nccl_available()
torch.distributed.is_mpi_available()
torch.distributed.is_ucc_available()
torch.distributed.is_torchelastic_launched()
torch.distributed.group.WORLD
torch.distributed.new_group([0])
""",
    {"torch": torch},
)
