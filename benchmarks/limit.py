"""What oneDNN alone takes for a model's convolutions and products: no program can be much quicker.

    python benchmarks/limit.py < SHAPES

SHAPES are what worker.py answers. Each different one is carried out by oneDNN's C interface in the
layouts that oneDNN likes best, with nothing before or after it; the sum of all of them, in seconds,
is printed.
"""

from __future__ import annotations

import ctypes
import json
import math
import sys
import time

# From oneapi/dnnl/dnnl_types.h of version 3.
FLOAT32, CPU, FORWARD_INFERENCE, CONVOLUTION_AUTO = 3, 1, 96, 3
ANY = 1
SOURCE, WEIGHTS, DESTINATION = 1, 33, 17


class Argument(ctypes.Structure):
    _fields_ = [("index", ctypes.c_int), ("memory", ctypes.c_void_p)]


class Onednn:
    """As much of oneDNN's C interface as it takes."""

    def __init__(self, path):
        self._library = ctypes.CDLL(path)
        self._engine = self._made("dnnl_engine_create", CPU, ctypes.c_size_t(0))
        self._stream = self._made("dnnl_stream_create", self._engine, 1)

    def _call(self, name, *arguments):
        status = getattr(self._library, name)(*arguments)
        if status:
            raise RuntimeError(f"{name}: status {status}")

    def _made(self, name, *arguments):
        made = ctypes.c_void_p()
        self._call(name, ctypes.byref(made), *arguments)
        return made

    def _any(self, sizes):
        dims = (ctypes.c_int64 * len(sizes))(*sizes)
        return self._made("dnnl_memory_desc_create_with_tag", len(sizes), dims, FLOAT32, ANY)

    def convolution(self, source, weights, destination, stride, padding, dilation):
        """Return the seconds of a convolution; with groups the weights have one dimension more."""

        def dims(values):
            return (ctypes.c_int64 * len(values))(*values)

        described = self._made(
            "dnnl_convolution_forward_primitive_desc_create",
            *(self._engine, FORWARD_INFERENCE, CONVOLUTION_AUTO),
            *(self._any(source), self._any(weights), None, self._any(destination)),
            *(dims(stride), dims([one - 1 for one in dilation]), dims(padding), dims(padding)),
            None,
        )
        return self._seconds(described)

    def product(self, source, weights, destination):
        """Return the seconds of a matrix product."""
        described = self._made(
            "dnnl_matmul_primitive_desc_create",
            *(self._engine, self._any(source), self._any(weights), None),
            *(self._any(destination), None),
        )
        return self._seconds(described)

    def _seconds(self, described):
        primitive = self._made("dnnl_primitive_create", described)
        query = self._library.dnnl_primitive_desc_query_md
        query.restype = ctypes.c_void_p
        memories = []
        # dnnl_query_src_md and its like.
        for index, what in ((SOURCE, 129), (WEIGHTS, 131), (DESTINATION, 133)):
            layout = ctypes.c_void_p(query(described, what, 0))
            # The pointer -1 has oneDNN allocate.
            memory = self._made("dnnl_memory_create", layout, self._engine, ctypes.c_void_p(-1))
            held, size = ctypes.c_void_p(), self._library.dnnl_memory_desc_get_size
            size.restype = ctypes.c_size_t
            self._call("dnnl_memory_get_data_handle", memory, ctypes.byref(held))
            # Zeros would be as quick, but untouched pages are not.
            ctypes.memset(held, 0, size(layout))
            memories.append((index, memory))
        arguments = (Argument * 3)(*(Argument(index, memory.value) for index, memory in memories))
        best, spent = math.inf, 0.0
        for _ in range(50):
            start = time.perf_counter()
            self._call("dnnl_primitive_execute", primitive, self._stream, 3, arguments)
            self._call("dnnl_stream_wait", self._stream)
            took = time.perf_counter() - start
            best, spent = min(best, took), spent + took
            if spent > 0.1:
                break
        for _, memory in memories:
            self._call("dnnl_memory_destroy", memory)
        self._call("dnnl_primitive_destroy", primitive)
        self._call("dnnl_primitive_desc_destroy", described)
        return best


def seconds(library, shape):
    """Return what one convolution or product of worker.py's takes."""
    if shape[0] == "conv":
        _, source, weights, _, stride, padding, dilation, transposed, extra, groups = shape
        if transposed:
            # As many multiplications as the convolution it is the transposed of.
            size = [
                (n - 1) * s - 2 * p + d * (k - 1) + e + 1
                for n, s, p, d, k, e in zip(
                    *(source[2:], stride, padding, dilation, weights[2:], extra)
                )
            ]
            source, destination = [source[0], weights[1] * groups, *size], source
        else:
            size = [
                (n + 2 * p - d * (k - 1) - 1) // s + 1
                for n, s, p, d, k in zip(source[2:], stride, padding, dilation, weights[2:])
            ]
            destination = [source[0], weights[0], *size]
        if groups > 1:
            weights = [groups, weights[0] // groups, *weights[1:]]
        return library.convolution(source, weights, destination, stride, padding, dilation)
    _, left, right = shape
    destination = [*left[:-1], right[-1]]
    return library.product(left, right, destination)


def main():
    from oneflow_mock.kernel_library import onednn_library

    library = Onednn(onednn_library())
    counts = {}
    for shape in json.load(sys.stdin):
        key = json.dumps(shape)
        counts[key] = counts.get(key, 0) + 1
    total = sum(times * seconds(library, json.loads(key)) for key, times in counts.items())
    print(json.dumps(total))


if __name__ == "__main__":
    main()
