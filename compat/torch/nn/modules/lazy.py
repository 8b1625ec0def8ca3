"""torch.nn.modules.lazy: modules that take their sizes from the first input."""

import torch
from torch.nn.parameter import is_lazy


class LazyModuleMixin:
    """A base for modules whose parameters get their sizes with the first call.

    A subclass defines ``initialize_parameters``, which is given what ``forward`` is; afterwards the
    module is a ``cls_to_become``, where that is set.
    """

    cls_to_become = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(
            self._infer_parameters, with_kwargs=True
        )

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        kept = [name for name in self._buffers if name not in self._non_persistent_buffers_set]
        for tensors, names in ((self._parameters, self._parameters), (self._buffers, kept)):
            for name in names:
                one = tensors[name]
                if one is not None:
                    whole = is_lazy(one) or keep_vars
                    destination[prefix + name] = one if whole else one.detach()

    def _lazy_load_hook(self, state_dict, prefix, *others):
        """Give what has no size yet that of the tensor which is about to be loaded."""
        for name, own in [*self._parameters.items(), *self._buffers.items()]:
            given = state_dict.get(prefix + name)
            if given is not None and own is not None and is_lazy(own) and not is_lazy(given):
                with torch.no_grad():
                    own.materialize(given.shape)

    def initialize_parameters(self, *args, **kwargs):
        """Give all parameters their sizes; the arguments are those of ``forward``."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {self.__class__.__name__}"
        )

    def has_uninitialized_params(self):
        """Tell whether a parameter or buffer has no size yet."""
        return any(map(is_lazy, [*self._parameters.values(), *self._buffers.values()]))

    def _infer_parameters(self, module, args, kwargs=None):
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")
        for name in ("_initialize_hook", "_load_hook"):
            getattr(module, name).remove()
            delattr(module, name)
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _replicate_for_data_parallel(self):
        raise RuntimeError(
            "Modules with uninitialized parameters can't be used with `DataParallel`. Run a dummy "
            "forward pass to correctly initialize the modules"
        )
