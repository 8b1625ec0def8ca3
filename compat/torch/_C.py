from oneflow_mock.compat.kernels.generator import Generator, default_generator  # noqa: F401
