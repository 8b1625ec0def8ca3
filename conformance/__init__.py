"""The mock, held against PyTorch's own operator database: see README.md."""
