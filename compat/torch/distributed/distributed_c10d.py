"""Process groups of one process: what PyTorch answers without a group, and with one alone.

A collective of one process copies its input to its output, so those are had; two processes or more
cannot talk to each other here yet, and a group of them is refused.
"""

from __future__ import annotations

import datetime
import enum
import os

from oneflow_mock.compat import hooks

__all__ = [
    "Backend",
    "GroupMember",
    "ProcessGroup",
    "ReduceOp",
    "Work",
    "all_gather",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "destroy_process_group",
    "gather",
    "gather_object",
    "get_backend",
    "get_global_rank",
    "get_group_rank",
    "get_node_local_rank",
    "get_pg_count",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "init_process_group",
    "irecv",
    "is_backend_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    "is_ucc_available",
    "is_xccl_available",
    "isend",
    "monitored_barrier",
    "new_group",
    "recv",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
    "scatter_object_list",
    "send",
    "supports_complex",
]

_MISSING = (
    "Default process group has not been initialized, please make sure to call init_process_group."
)
default_pg_timeout = datetime.timedelta(seconds=1800)
_BACKENDS = ("gloo", "nccl", "mpi", "ucc", "xccl", "undefined")


class Backend(str):
    """The name of a back end."""

    UNDEFINED = "undefined"
    GLOO = "gloo"
    NCCL = "nccl"
    UCC = "ucc"
    MPI = "mpi"
    XCCL = "xccl"

    def __new__(cls, name: str):
        if not isinstance(name, str):
            raise ValueError("Backend constructor parameter must be string-ish")
        return super().__new__(cls, name.lower())


class RedOpType(enum.IntEnum):
    """How values of several processes become one."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7
    PREMUL_SUM = 8

    def __repr__(self) -> str:
        return f"<RedOpType.{self.name}: {int(self)}>"


class ReduceOp:
    """The names of `RedOpType`."""

    RedOpType = RedOpType
    SUM = RedOpType.SUM
    AVG = RedOpType.AVG
    PRODUCT = RedOpType.PRODUCT
    MIN = RedOpType.MIN
    MAX = RedOpType.MAX
    BAND = RedOpType.BAND
    BOR = RedOpType.BOR
    BXOR = RedOpType.BXOR
    PREMUL_SUM = RedOpType.PREMUL_SUM


class Work:
    """A collective under way: of one process, it is done."""

    def wait(self, timeout=None) -> bool:
        """Return True."""
        return True

    def is_completed(self) -> bool:
        """Return True."""
        return True

    def is_success(self) -> bool:
        """Return True."""
        return True


class ProcessGroup:
    """A group of one process."""

    def __init__(self, backend: str) -> None:
        self._backend = backend

    def rank(self) -> int:
        """Return 0."""
        return 0

    def size(self) -> int:
        """Return 1."""
        return 1

    def name(self) -> str:
        """Return the back end's name."""
        return self._backend


class _GroupType(type):
    @property
    def WORLD(cls):
        """The group of all processes; None before there is one."""
        return _state.get("world")


class group(metaclass=_GroupType):
    """Names of process groups."""


class GroupMember(metaclass=_GroupType):
    """Names of process groups."""

    NON_GROUP_MEMBER = -100


_state: dict = {}


def _world():
    if "world" not in _state:
        raise ValueError(_MISSING)
    return _state["world"]


def _only(rank, name="root") -> None:
    _world()
    if rank not in (None, 0):
        raise RuntimeError(f"ProcessGroupGloo::{name}: invalid root rank: {rank}")


def is_initialized() -> bool:
    """Tell whether there is a group."""
    return "world" in _state


def is_nccl_available() -> bool:
    """Return False: there is no such back end."""
    return False


def is_gloo_available() -> bool:
    """Return False: there is no such back end."""
    return False


def is_mpi_available() -> bool:
    """Return False: there is no such back end."""
    return False


def is_ucc_available() -> bool:
    """Return False: there is no such back end."""
    return False


def is_xccl_available() -> bool:
    """Return False: there is no such back end."""
    return False


def is_backend_available(backend: str) -> bool:
    """Return False: there is no back end."""
    return False


def is_torchelastic_launched() -> bool:
    """Tell whether PyTorch's elastic launcher started this process."""
    return os.environ.get("TORCHELASTIC_RUN_ID") is not None


def supports_complex(reduceOp) -> bool:
    """Tell whether a way to reduce is defined for complex numbers."""
    return reduceOp not in (
        RedOpType.MAX,
        RedOpType.MIN,
        RedOpType.PRODUCT,
        RedOpType.BAND,
        RedOpType.BOR,
        RedOpType.BXOR,
    )


def init_process_group(
    backend=None,
    init_method=None,
    timeout=None,
    world_size=-1,
    rank=-1,
    store=None,
    group_name="",
    pg_options=None,
    device_id=None,
    **kwargs,
) -> None:
    """Make the group of all processes, where this is the only one; refuse more."""
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    if store is None and (init_method is None or init_method.startswith("env://")):
        world_size, rank = _from_environment(world_size, rank)
    name = Backend(backend or "undefined")
    for part in name.split(","):
        if part.rpartition(":")[2] not in _BACKENDS:
            raise AssertionError(f"Unknown backend type {part}")
    if world_size != 1:
        raise hooks.refuse(
            "torch.distributed.init_process_group", f"a group of {world_size} processes"
        )
    _state["world"] = ProcessGroup("gloo" if name == "undefined" else str(name))


def _from_environment(world_size, rank):
    """Return what is not given from the variables that PyTorch's launcher sets."""

    def get(name):
        if name not in os.environ:
            raise ValueError(
                "Error initializing torch.distributed using env:// rendezvous: environment "
                f"variable {name} expected, but not set"
            )
        return os.environ[name]

    rank = int(get("RANK")) if rank == -1 else rank
    world_size = int(get("WORLD_SIZE")) if world_size == -1 else world_size
    get("MASTER_ADDR")
    int(get("MASTER_PORT"))
    return world_size, rank


def destroy_process_group(group=None) -> None:
    """Forget the group."""
    assert group is not None or is_initialized(), "Process group cannot be None"
    _state.clear()


def new_group(ranks=None, *args, **kwargs):
    """Return a group of this process."""
    world = _world()
    for rank in ranks or (0,):
        if rank != 0:
            raise ValueError(
                "the new group's rank should be within the world_size set by init_process_group"
            )
    return ProcessGroup(world.name())


def get_rank(group=None) -> int:
    """Return this process's number."""
    _world()
    return 0


def get_world_size(group=None) -> int:
    """Return how many processes there are."""
    _world()
    return 1


def get_backend(group=None):
    """Return the name of a group's back end."""
    return Backend((group or _world()).name())


def get_global_rank(group, group_rank: int) -> int:
    """Return a process's number among all."""
    _only(group_rank)
    return 0


def get_group_rank(group, global_rank: int) -> int:
    """Return a process's number in a group."""
    _only(global_rank)
    return 0


def get_process_group_ranks(group):
    """Return the numbers of a group's processes."""
    _world()
    return [0]


def get_pg_count() -> int:
    """Return how many groups there are."""
    return int(is_initialized())


def get_node_local_rank(fallback_rank=None) -> int:
    """Return LOCAL_RANK of the environment, or ``fallback_rank``; PyTorch's error without both."""
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is not None:
        return int(fallback_rank)
    raise RuntimeError(
        "LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow "
        "`get_node_local_rank` to work, assuming you are not running in a multi-device context "
        "and want the code to run locally instead."
    )


def _done(async_op):
    return Work() if async_op else None


def _copy(target, source) -> None:
    import torch

    with torch.no_grad():
        target.copy_(source.reshape(target.shape))


def all_reduce(tensor, op=ReduceOp.SUM, group=None, async_op=False):
    """Leave the tensor: it is the sum of all."""
    _world()
    return _done(async_op)


def reduce(tensor, dst=None, op=ReduceOp.SUM, group=None, async_op=False, group_dst=None):
    """Leave the tensor: it is the sum of all."""
    _only(dst, "reduce")
    return _done(async_op)


def broadcast(tensor, src=None, group=None, async_op=False, group_src=None):
    """Leave the tensor: it is the sender's."""
    _only(src, "broadcast")
    return _done(async_op)


def all_gather(tensor_list, tensor, group=None, async_op=False):
    """Copy the tensor into the list's only one."""
    _world()
    _copy(tensor_list[0], tensor)
    return _done(async_op)


def all_gather_into_tensor(output_tensor, input_tensor, group=None, async_op=False):
    """Copy the input to the output."""
    _world()
    _copy(output_tensor, input_tensor)
    return _done(async_op)


def gather(tensor, gather_list=None, dst=None, group=None, async_op=False, group_dst=None):
    """Copy the tensor into the list's only one."""
    _only(dst, "gather")
    if not gather_list:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    _copy(gather_list[0], tensor)
    return _done(async_op)


def scatter(tensor, scatter_list=None, src=None, group=None, async_op=False, group_src=None):
    """Copy the list's only tensor."""
    _only(src, "scatter")
    if not scatter_list:
        raise ValueError("Argument ``scatter_list`` must be specified on source rank.")
    _copy(tensor, scatter_list[0])
    return _done(async_op)


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None, async_op=False):
    """Copy the list's only tensor."""
    _world()
    _copy(output, input_list[0])
    return _done(async_op)


def reduce_scatter_tensor(output, input, op=ReduceOp.SUM, group=None, async_op=False):
    """Copy the input to the output."""
    _world()
    _copy(output, input)
    return _done(async_op)


def all_to_all(output_tensor_list, input_tensor_list, group=None, async_op=False):
    """Copy the only tensor of one list into that of the other."""
    _world()
    _copy(output_tensor_list[0], input_tensor_list[0])
    return _done(async_op)


def all_to_all_single(
    output,
    input,
    output_split_sizes=None,
    input_split_sizes=None,
    group=None,
    async_op=False,
):
    """Copy the input to the output."""
    _world()
    _copy(output, input)
    return _done(async_op)


def barrier(group=None, async_op=False, device_ids=None):
    """Wait for the other processes: there are none."""
    _world()
    return _done(async_op)


def monitored_barrier(group=None, timeout=None, wait_all_ranks=False) -> None:
    """Wait for the other processes: there are none."""
    _world()


def all_gather_object(object_list, obj, group=None) -> None:
    """Put the object into the list."""
    _world()
    object_list[0] = obj


def gather_object(obj, object_gather_list=None, dst=None, group=None, group_dst=None) -> None:
    """Put the object into the list."""
    _only(dst, "gather")
    object_gather_list[0] = obj


def broadcast_object_list(
    object_list, src=None, group=None, device=None, group_src=None, weights_only=None
) -> None:
    """Leave the list: it is the sender's."""
    _only(src, "broadcast")


def scatter_object_list(
    scatter_object_output_list,
    scatter_object_input_list=None,
    src=None,
    group=None,
    group_src=None,
    weights_only=None,
) -> None:
    """Put the only object of one list into the other."""
    _only(src, "scatter")
    scatter_object_output_list[0] = scatter_object_input_list[0]


def _other(rank, word) -> None:
    _world()
    raise ValueError(
        f"Invalid {word} rank: {word} rank should not be the same as the rank of the current "
        "process."
    )


def send(tensor, dst=None, group=None, tag=0, group_dst=None) -> None:
    """Raise PyTorch's error: there is nobody else."""
    _other(dst, "destination")


def isend(tensor, dst=None, group=None, tag=0, group_dst=None):
    """Raise PyTorch's error: there is nobody else."""
    _other(dst, "destination")


def recv(tensor, src=None, group=None, tag=0, group_src=None) -> int:
    """Raise PyTorch's error: there is nobody else."""
    _other(src, "source")


def irecv(tensor, src=None, group=None, tag=0, group_src=None):
    """Raise PyTorch's error: there is nobody else."""
    _other(src, "source")
