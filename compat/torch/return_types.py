"""The named tuples that operators with several answers return (torch.return_types)."""


class _Named(tuple):
    """A tuple whose fields have names, made from one sequence as PyTorch's are."""

    __slots__ = ()

    def __repr__(self):
        fields = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self))
        return f"torch.return_types.{type(self).__name__}(\n{fields})"


def _make(name, *fields):
    namespace = {"__slots__": (), "__module__": "torch.return_types", "_fields": fields}
    for position, field in enumerate(fields):
        namespace[field] = property(lambda self, position=position: self[position])
    namespace["n_fields"] = namespace["n_sequence_fields"] = len(fields)
    return type(name, (_Named,), namespace)


_VALUES = ("values", "indices")
sort = _make("sort", *_VALUES)
topk = _make("topk", *_VALUES)
max = _make("max", *_VALUES)
min = _make("min", *_VALUES)
mode = _make("mode", *_VALUES)
median = _make("median", *_VALUES)
nanmedian = _make("nanmedian", *_VALUES)
kthvalue = _make("kthvalue", *_VALUES)
cummax = _make("cummax", *_VALUES)
cummin = _make("cummin", *_VALUES)
aminmax = _make("aminmax", "min", "max")
frexp = _make("frexp", "mantissa", "exponent")
histogram = _make("histogram", "hist", "bin_edges")
histogramdd = _make("histogramdd", "hist", "bin_edges")
linalg_slogdet = slogdet = _make("slogdet", "sign", "logabsdet")
linalg_qr = qr = _make("qr", "Q", "R")
linalg_svd = svd = _make("svd", "U", "S", "V")
linalg_eigh = _make("linalg_eigh", "eigenvalues", "eigenvectors")
