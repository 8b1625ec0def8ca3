"""How an entry of PyTorch's operator database is called by its public name.

The database calls most operators by a function ``torch.<name>``; those are found by that name.
Others it wraps into lambdas of its own: here stands for each the call that a program would write.
The same calls are made on real PyTorch, which says what is right, and on the mock.
"""

import operator

METHODS = """
    item contiguous sum_to_size expand expand_as to reshape_as view view_as unfold repeat to_sparse
    bfloat16 bool byte char double float half int long short cdouble cfloat chalf
    new_zeros new_ones new_empty new_empty_strided new_full
""".split()
ATTRIBUTES = "T H mT mH".split()
#: These draw into the tensor that they are called on.
DRAWING = {
    "cauchy": "cauchy_",
    "exponential": "exponential_",
    "geometric": "geometric_",
    "log_normal": "log_normal_",
    "normal.in_place": "normal_",
    "uniform": "uniform_",
}

#: What lies in the memory they return is not said.
UNINITIALIZED = {
    "empty",
    "empty_like",
    "empty_permuted",
    "empty_strided",
    "new_empty",
    "new_empty_strided",
}

#: Outputs whose columns PyTorch determines up to a sign or a phase: their magnitudes are compared.
SIGN_FREE = {
    "svd": (0, 2),
    "linalg.svd": (0, 2),
    "linalg.eig": (1,),
    "linalg.eigh": (1,),
    "svd_lowrank": (0, 2),
    "pca_lowrank": (0, 2),
}


def _torch():
    import torch

    return torch


def _method(name):
    return lambda tensor, *args, **options: getattr(tensor, name)(*args, **options)


def _attribute(name):
    return lambda tensor: getattr(tensor, name)


def _product(name):
    def call(a, b, **options):
        return resolve(name)(a @ b.mT, **options)

    return call


def _swapped(name):
    return lambda first, second, **options: resolve(name)(second, first, **options)


#: Entry, or entry and variant: (the public name, the call).
WRAPPED = {
    **{name: ("Tensor." + name, _method(name)) for name in METHODS},
    **{name: ("Tensor." + name, _attribute(name)) for name in ATTRIBUTES},
    **{entry: ("Tensor." + name, _method(name)) for entry, name in DRAWING.items()},
    **{
        name: (name, _swapped(name))
        for name in (
            "einsum",
            "polygamma",
            "special.polygamma",
            "nn.functional.embedding",
            "nn.functional.embedding_bag",
        )
    },
    "svd_lowrank": ("svd_lowrank", _product("svd_lowrank")),
    "pca_lowrank": ("pca_lowrank", _product("pca_lowrank")),
    "linalg.pinv.singular": ("linalg.pinv", _product("linalg.pinv")),
    "linalg.lstsq.grad_oriented": (
        "linalg.lstsq",
        lambda a, b, driver: _torch().linalg.lstsq(a, b, driver=driver)[:2],
    ),
    "where": (
        "where",
        lambda x, condition, other, **options: _torch().where(condition, x, other, **options),
    ),
    "normal.number_mean": (
        "normal",
        lambda std, mean, *args, **options: _torch().normal(mean, std, *args, **options),
    ),
    "resize_": ("Tensor.resize_", lambda x, shape: x.clone().resize_(shape)),
    "resize_as_": ("resize_as_", lambda x, other: _torch().resize_as_(x.clone(), other)),
    "zero_": ("zero_", lambda x: _torch().zero_(x.clone())),
    "_segment_reduce": (
        "segment_reduce",
        lambda *args, **options: _torch().segment_reduce(*args, **options),
    ),
}


def key(name, variant):
    """Return an entry's name in all tables here: "add", "div.floor_rounding"."""
    return f"{name}.{variant}" if variant else name


def resolve(path):
    """Return what ``torch.<path>`` is."""
    found = _torch()
    for part in path.split("."):
        found = getattr(found, part)
    return found


def public_name(name, variant):
    """Return the name below ``torch`` by which a program calls an entry; None without one."""
    wrapped = WRAPPED.get(key(name, variant)) or WRAPPED.get(name)
    if wrapped:
        return wrapped[0]
    if name.startswith("__") and name.endswith("__"):
        return "Tensor." + name
    if any(part.startswith("_") for part in name.split(".")) or name.split(".")[0] == "ops":
        return None
    return name


def call(name, variant):
    """Return the function that calls an entry with a sample's input and arguments."""
    wrapped = WRAPPED.get(key(name, variant)) or WRAPPED.get(name)
    if wrapped:
        return wrapped[1]
    public = public_name(name, variant)
    if public is None:
        raise LookupError(f"{name} has no public name")
    if public.startswith("Tensor."):
        return _method(name)
    return resolve(public)


def run(facet, entry, args, options):
    """Call an entry (a mapping with its name, variant and ways) as a facet says."""
    if facet in ("function", "gradient", "out"):
        return call(entry["name"], entry["variant"])(*args, **options)
    if facet == "operator":
        return getattr(operator, entry["ways"]["operator"])(*args, **options)
    return getattr(args[0], entry["ways"][facet])(*args[1:], **options)
