"""A group of one process."""

import os

import torch
import torch.distributed as dist
from show import show
from torch.nn.parallel import DistributedDataParallel

for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK"):
    os.environ.pop(name, None)
x = torch.tensor([1.0, 2.0])
net = torch.nn.Linear(2, 2)


def started(**variables):
    os.environ.update(variables)
    dist.init_process_group("gloo")


def filled(function, *rest):
    """Return what a collective puts into a tensor, or into a list of one."""
    target = torch.zeros(2)
    function(target, *rest)
    return target


def listed(function, *rest, swapped=False):
    target = [torch.zeros(2)]
    function(*((rest[0], target, *rest[1:]) if swapped else (target, *rest)))
    return target


def objects(function, *rest):
    target = [None]
    function(target, *rest)
    return target


def without_sync():
    wrapped = DistributedDataParallel(net)
    with wrapped.no_sync():
        wrapped(torch.ones(1, 2)).sum().backward()
    return list(wrapped.state_dict()), wrapped.module is net, net.weight.grad, wrapped


show("no group yet", lambda: DistributedDataParallel(net))
show("no rank", started)
show("no size", lambda: started(RANK="0"))
show("no address", lambda: started(WORLD_SIZE="1"))
show("no port", lambda: started(MASTER_ADDR="127.0.0.1"))
os.environ["MASTER_PORT"] = "29611"
show("no such back end", lambda: dist.init_process_group("foo"))
show("made", lambda: dist.init_process_group("gloo"))
show("twice", lambda: dist.init_process_group("gloo"))
show("known", lambda: (dist.is_initialized(), dist.get_rank(), dist.get_world_size()))
show("back end", dist.get_backend)
show("all_reduce", lambda: (dist.all_reduce(x), dist.all_reduce(x, op=dist.ReduceOp.MAX), x))
show("async", lambda: dist.all_reduce(x, async_op=True).wait())
show("all_gather", lambda: listed(dist.all_gather, x))
show("all_gather_into_tensor", lambda: filled(dist.all_gather_into_tensor, x))
show("broadcast", lambda: (dist.broadcast(x, 0), x))
show("broadcast from nobody", lambda: dist.broadcast(x, 1))
show("reduce", lambda: (dist.reduce(x, 0), x))
show("gather", lambda: listed(dist.gather, x, 0, swapped=True))
show("scatter", lambda: filled(dist.scatter, [x], 0))
show("reduce_scatter", lambda: filled(dist.reduce_scatter, [x]))
show("reduce_scatter_tensor", lambda: filled(dist.reduce_scatter_tensor, x))
show("all_to_all", lambda: listed(dist.all_to_all, [x]))
show("all_to_all_single", lambda: filled(dist.all_to_all_single, x))
show("barrier", lambda: (dist.barrier(), dist.monitored_barrier()))
show("all_gather_object", lambda: objects(dist.all_gather_object, {"a": 1}))
show("broadcast_object_list", lambda: dist.broadcast_object_list([1, "a"], 0))
show("scatter_object_list", lambda: objects(dist.scatter_object_list, [5], 0))
show("send", lambda: dist.send(x, 0))
show("groups", lambda: dist.get_world_size(dist.new_group([0])))
show("ranks", lambda: dist.get_process_group_ranks(dist.group.WORLD))
show("ways to reduce", lambda: (dist.ReduceOp.SUM, dist.ReduceOp.AVG, int(dist.ReduceOp.MAX)))
show("a module", without_sync)
show("ended", dist.destroy_process_group)
show("afterwards", dist.is_initialized)
show("no group any more", dist.get_rank)
show("ended twice", dist.destroy_process_group)
