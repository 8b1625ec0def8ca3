# ruff: noqa: E501, F401
# The cases are expressions, one a line.
"""Settings of the whole program, and what torch tells of itself."""

import typing

import torch
from show import show_all

show_all(
    r"""
torch.version.cuda, torch.version.hip, torch.version.xpu, torch.version.debug
torch.__version__ >= "2.0", torch.__version__ > (2, 0), torch.__version__ >= (2, 13, 0), torch.__version__ < "parrot"
torch.__version__ >= "3", torch.__version__ == torch.version.__version__, isinstance(torch.__version__, str)
torch.is_tensor(3), torch.is_tensor(torch.ones(1)), torch.is_storage(3), torch.is_storage(torch.ones(1).untyped_storage())
torch.typename(torch.zeros(1)), torch.typename(torch.zeros(1, dtype=torch.bfloat16)), torch.typename(int), torch.typename(None)
torch.typename(torch.zeros(1).untyped_storage()), torch.typename(torch.nn.Parameter(torch.zeros(1)))
torch._check(True), torch._check_is_size(3)
torch._check(False)
torch._check(False, lambda: "message")
torch._check(False, "message")
torch._check(3)
torch._check_value(False, lambda: "message")
torch._check_type(False)
torch._check_index(False)
torch._check_not_implemented(False)
torch._check_is_size(-1)
torch._check_with(KeyError, False, lambda: "x")
torch._check_tensor_all(torch.tensor([True, False]))
torch._check_tensor_all(torch.tensor([True, True]))
torch._assert(True, "x"), torch._assert(torch.tensor(True), "x")
torch._assert(False, "x")
torch.sym_max(1, 2), torch.sym_min(1, 2.0), torch.sym_int(2.5), torch.sym_float(2), torch.sym_not(True), torch.sym_ite(True, 1, 2), torch.sym_sum([1, 2])
torch.are_deterministic_algorithms_enabled(), torch.get_deterministic_debug_mode()
torch.use_deterministic_algorithms(True), torch.are_deterministic_algorithms_enabled(), torch.get_deterministic_debug_mode()
torch.use_deterministic_algorithms(True, warn_only=True), torch.get_deterministic_debug_mode(), torch.is_deterministic_algorithms_warn_only_enabled()
torch.set_deterministic_debug_mode("default"), torch.get_deterministic_debug_mode()
torch.set_deterministic_debug_mode(1), torch.get_deterministic_debug_mode()
torch.set_deterministic_debug_mode("foo")
torch.set_deterministic_debug_mode(5)
torch.set_deterministic_debug_mode(0)
torch.use_deterministic_algorithms(3)
torch.get_float32_matmul_precision()
torch.set_float32_matmul_precision("high"), torch.get_float32_matmul_precision(), torch.backends.cuda.matmul.allow_tf32
torch.set_float32_matmul_precision("x"), torch.get_float32_matmul_precision()
torch.set_float32_matmul_precision(3)
torch.set_warn_always(True), torch.is_warn_always_enabled(), torch.set_warn_always(False)
torch.set_warn_always(3)
torch.set_num_threads(2), torch.get_num_threads()
torch.set_num_threads(2.5)
torch.set_num_threads(-1)
torch.set_num_interop_threads(0)
torch.get_autocast_dtype("cpu"), torch.get_autocast_dtype("cuda"), torch.get_autocast_dtype("mps")
torch.get_autocast_dtype("foo")
torch.is_autocast_enabled(), torch.is_autocast_enabled("cpu"), torch.is_autocast_cpu_enabled(), torch.is_autocast_cache_enabled()
torch.get_autocast_gpu_dtype(), torch.get_autocast_cpu_dtype()
torch.set_autocast_dtype("cpu", torch.float16), torch.get_autocast_cpu_dtype(), torch.set_autocast_dtype("cpu", torch.bfloat16)
torch.autocast_increment_nesting(), torch.autocast_decrement_nesting(), torch.clear_autocast_cache()
torch.OutOfMemoryError.__mro__, torch.AcceleratorError.__mro__, torch.FatalError.__mro__
torch.cuda.OutOfMemoryError is torch.OutOfMemoryError
torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled(), torch.is_inference_mode_enabled()
torch.has_openmp, torch.has_lapack
torch.compile(lambda x: x)(3), torch.compile(lambda x: x + 1, mode="max-autotune", disable=True)(3)
torch.compile(3)
torch.compile(lambda x: x, mode="default", options={"a": 1})
torch.compiler.is_compiling(), torch.compiler.is_dynamo_compiling(), torch.compiler.is_exporting()
torch.compiler.reset(), torch.compiler.cudagraph_mark_step_begin()
torch.compiler.disable(lambda x: x)(1), torch.compiler.allow_in_graph(lambda x: x)(1), torch.compiler.assume_constant_result(lambda x: x)(1)
torch.jit.is_tracing(), torch.jit.is_scripting(), torch.jit.annotate(int, 3), torch.jit.isinstance(1, int)
torch.jit.isinstance([1], typing.List[int]), torch.jit.isinstance(["a"], typing.List[int]), torch.jit.isinstance({"a": 1}, typing.Dict[str, int])
torch.jit.isinstance([1], list)
torch.types.FileLike
torch.ops.foo
torch.ops.foo.bar
torch.multiprocessing.get_sharing_strategy(), sorted(torch.multiprocessing.get_all_sharing_strategies())
torch.finfo(torch.float32), torch.finfo(torch.bfloat16), torch.finfo(torch.float16), torch.finfo(torch.float64)
torch.finfo(torch.float8_e4m3fn), torch.finfo(torch.float8_e5m2), torch.finfo(torch.complex64), torch.finfo()
torch.finfo(torch.int8)
torch.finfo(3)
torch.iinfo(torch.uint8), torch.iinfo(torch.int16), torch.iinfo(torch.int64), torch.iinfo(torch.uint64).max
torch.iinfo(torch.float32)
torch.iinfo(torch.bool)
torch.iinfo("a")
torch.finfo(torch.float32) == torch.finfo(torch.float32), torch.finfo(torch.float32).eps, torch.finfo(torch.float32).dtype
""",
    {**globals()},
)
