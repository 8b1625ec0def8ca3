"""What passed of PyTorch's operator database passes still, as far as the committed sample goes."""

import pytest

from conformance import golden_sample, ratchet, storage, workers
from oneflow_mock import kernel_library

PASSING = ratchet.read()


def kind_of(facet):
    return facet if facet in ratchet.APART else "forward"


def may_not_be_lost(entry, dtype, sample, facet):
    passed = PASSING.get(entry, ratchet.nothing())
    if dtype == "errors":
        return sample in passed["errors"]
    return dtype in passed[kind_of(facet)]


@pytest.mark.skipif(not kernel_library.usable(), reason="the native kernels are not built")
@pytest.mark.parametrize("dtype", sorted(golden_sample.SIZES))
def test_what_passed_passes(dtype):
    path = golden_sample.FOLDER / f"{dtype}.npz"
    index, _ = storage.load(path)
    worker = workers.Worker(patience=120, files=len(index["entries"]))
    lost, asked = [], 0
    try:
        for number, entry in enumerate(index["entries"]):
            told = worker.ask(path, number)
            asked += len(told["steps"])
            rows = {row["sample"]: row for row in entry["samples"]}
            for step, why in told["wrong"].items():
                sample, facet = told["steps"][step]
                if may_not_be_lost(entry["entry"], dtype, sample, facet):
                    call = storage.call_text({**index, **entry}, rows[sample])
                    lost.append(f"{facet}: {call}: {why}")
    finally:
        worker.stop()
    assert asked or not index["entries"]
    assert not lost, "passed before and do not now:\n" + "\n".join(lost)


def test_the_sample_is_small_and_of_the_list():
    """The sample is chosen of what passes; both are written by `make conformance`."""
    assert sum(path.stat().st_size for path in golden_sample.FOLDER.iterdir()) < 4e6
    for dtype in golden_sample.SIZES:
        index, _ = storage.load(golden_sample.FOLDER / f"{dtype}.npz")
        assert {entry["entry"] for entry in index["entries"]} <= set(PASSING), dtype
