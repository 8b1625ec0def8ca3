"""Process groups: none is initialised, and the answers are PyTorch's for that state."""

from __future__ import annotations

import os

from oneflow_mock.compat import hooks

_MISSING = (
    "Default process group has not been initialized, please make sure to call init_process_group."
)


class group:
    """Names of process groups; ``WORLD`` is None until one is initialised."""

    WORLD = None


class GroupMember:
    """Names of process groups."""

    WORLD = None
    NON_GROUP_MEMBER = -100


def is_initialized() -> bool:
    """Return False: no process group is initialised."""
    return False


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


def _no_group(name):
    def collective(*args, **kwargs):
        raise ValueError(_MISSING)

    collective.__name__ = collective.__qualname__ = name
    collective.__doc__ = "Raise PyTorch's error: no process group is initialised."
    collective.__module__ = __name__
    return collective


for _name in (
    "all_gather all_gather_coalesced all_gather_into_tensor all_gather_object all_gather_single "
    "all_reduce all_reduce_coalesced all_to_all all_to_all_single barrier batch_isend_irecv "
    "broadcast broadcast_object_list gather gather_object get_backend get_backend_config "
    "get_global_rank get_group_rank get_process_group_ranks get_rank get_world_size irecv isend "
    "monitored_barrier new_group new_subgroups new_subgroups_by_enumeration recv recv_object_list "
    "reduce reduce_scatter reduce_scatter_single reduce_scatter_tensor scatter "
    "scatter_object_list send send_object_list"
).split():
    globals()[_name] = _no_group(_name)


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


def get_pg_count() -> int:
    """Return 0: no process group is initialised."""
    return 0


def destroy_process_group(group=None) -> None:
    """Raise PyTorch's error: no process group is initialised."""
    assert group is not None, "Process group cannot be None"


def init_process_group(*args, **kwargs):
    """Refuse: processes cannot talk to each other here yet."""
    raise hooks.refuse("torch.distributed.init_process_group", "process groups")
