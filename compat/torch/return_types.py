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
slogdet = _make("slogdet", "sign", "logabsdet")
linalg_eig = _make("linalg_eig", "eigenvalues", "eigenvectors")
linalg_slogdet = _make("linalg_slogdet", "sign", "logabsdet")
qr = _make("qr", "Q", "R")
linalg_qr = _make("linalg_qr", "Q", "R")
svd = _make("svd", "U", "S", "V")
linalg_svd = _make("linalg_svd", "U", "S", "Vh")
linalg_eigh = _make("linalg_eigh", "eigenvalues", "eigenvectors")
linalg_cholesky_ex = _make("linalg_cholesky_ex", "L", "info")
linalg_inv_ex = _make("linalg_inv_ex", "inverse", "info")
linalg_solve_ex = _make("linalg_solve_ex", "result", "info")
linalg_ldl_factor = _make("linalg_ldl_factor", "LD", "pivots")
linalg_ldl_factor_ex = _make("linalg_ldl_factor_ex", "LD", "pivots", "info")
linalg_lu = _make("linalg_lu", "P", "L", "U")
linalg_lu_factor = _make("linalg_lu_factor", "LU", "pivots")
linalg_lu_factor_ex = _make("linalg_lu_factor_ex", "LU", "pivots", "info")
linalg_lstsq = _make("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
lu_unpack = _make("lu_unpack", "P", "L", "U")
_lu_with_info = _make("_lu_with_info", "LU", "pivots", "info")
geqrf = _make("geqrf", "a", "tau")
triangular_solve = _make("triangular_solve", "solution", "cloned_coefficient")
