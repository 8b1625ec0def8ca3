"""Python attributes on tensors: where they live, how long, what is left when the mock is off."""

import subprocess
import sys
import textwrap

import pytest

#: How the mock comes to an interpreter: before any tensor exists, or after some do.
FRESH = "import oneflow_mock; oneflow_mock.enable(); import torch\n"
LATE = """
import oneflow
early = oneflow.ones(2)
import oneflow_mock; oneflow_mock.enable(); import torch
"""
both = pytest.mark.parametrize("start", [FRESH, LATE], ids=["native", "table"])


def run(start, code):
    """Run code in an interpreter of its own and return what it printed."""
    text = start + "import copy, gc, pickle, weakref\n" + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_tensors_get_a_dict_of_their_own_where_none_exists_yet():
    assert run(FRESH, "print(torch.Tensor.__dictoffset__ > 0)") == ["True"]


def test_tensors_that_exist_already_keep_their_layout():
    assert run(LATE, "print(torch.Tensor.__dictoffset__)") == ["0"]


def test_a_tensor_from_before_takes_attributes():
    assert run(LATE, "early.foo = 1; print(early.foo, vars(early)['foo'])") == ["1", "1"]


@both
def test_set_get_delete(start):
    code = """
    t = torch.ones(1)
    t.foo = 1
    print(t.foo, hasattr(t, "foo"), hasattr(t, "bar"), getattr(t, "bar", 2), vars(t))
    del t.foo
    print(hasattr(t, "foo"))
    """
    assert run(start, code) == ["1", "True", "False", "2", "{'foo':", "1}", "False"]


@both
def test_names_in_words_of_pytorch(start):
    code = """
    for holder in (torch.ones(1), torch.nn.Parameter(torch.ones(1))):
        try:
            holder.zzz
        except AttributeError as error:
            print(str(error).replace(" ", "_"))
    """
    expected = [f"'{name}'_object_has_no_attribute_'zzz'" for name in ("Tensor", "Parameter")]
    assert run(start, code) == expected


@both
def test_attributes_die_with_the_tensor(start):
    code = """
    class Mark: pass
    t = torch.ones(1)
    t.mark = Mark()
    seen = weakref.ref(t.mark)
    print(seen() is not None)
    del t
    gc.collect()
    print(seen() is None)
    """
    assert run(start, code) == ["True", "True"]


def test_attributes_die_at_once_without_a_collection():
    code = """
    gc.disable()
    class Mark: pass
    t = torch.ones(1)
    t.mark = Mark()
    seen = weakref.ref(t.mark)
    del t
    print(seen() is None)
    """
    assert run(FRESH, code) == ["True"]


@both
def test_a_tensor_in_the_place_of_a_dead_one_has_none_of_its_attributes(start):
    code = """
    places = set()
    for _ in range(300):
        t = torch.ones(1)
        t.foo = 1
        places.add(id(t))
        del t
    gc.collect()
    new = [torch.ones(1) for _ in range(300)]
    print(any(hasattr(t, "foo") for t in new))
    """
    assert run(start, code) == ["False"]


@both
def test_attributes_stay_while_only_oneflow_holds_the_tensor(start):
    code = """
    p = torch.nn.Parameter(torch.ones(2))
    (p * 2).sum().backward()
    p.grad.note = "kept"
    gc.collect()
    print(p.grad.note, p.grad is p.grad)
    module = torch.nn.Linear(2, 2)
    module.weight.tag = "t"
    gc.collect()
    print(next(module.parameters()).tag, [q.tag for q in module.parameters() if hasattr(q, "tag")])
    """
    assert run(start, code) == ["kept", "True", "t", "['t']"]


@both
def test_attributes_and_copies(start):
    code = """
    t = torch.ones(1)
    t.foo = [1]
    deep, shallow = copy.deepcopy(t), copy.copy(t)
    print(deep.foo == t.foo, deep.foo is t.foo, shallow.foo is t.foo)
    print(hasattr(t.clone(), "foo"), hasattr(t.detach(), "foo"), hasattr(t + 1, "foo"))
    print(pickle.loads(pickle.dumps(t)).foo)
    p = torch.nn.Parameter(torch.ones(1))
    p.foo = 1
    print(hasattr(copy.deepcopy(p), "foo"), pickle.loads(pickle.dumps(p)).foo)
    """
    expected = ["True", "False", "True", "False", "False", "False", "[1]", "False", "1"]
    assert run(start, code) == expected


@both
def test_hooks_are_not_attributes_that_copies_keep(start):
    code = """
    t = torch.ones(1, requires_grad=True)
    t.register_hook(lambda grad: grad)
    print(vars(copy.deepcopy(t)), vars(pickle.loads(pickle.dumps(t))))
    """
    assert run(start, code) == ["{}", "{}"]


@both
def test_subclasses_have_attributes_too(start):
    code = """
    class Mine(torch.Tensor): pass
    m = torch.ones(2).as_subclass(Mine)
    m.foo = 3
    print(m.foo, type(m).__name__, copy.deepcopy(m).foo)
    """
    assert run(start, code) == ["3", "Mine", "3"]


@both
def test_what_pytorch_has_and_we_lack_is_absent_and_named(start):
    code = """
    t = torch.ones(1)
    print(hasattr(t, "sspaddmm"), hasattr(torch.Tensor, "sspaddmm"))
    print(getattr(t, "sspaddmm", None))
    try:
        t.sspaddmm()
    except AttributeError as error:
        print(type(error).__name__, isinstance(error, NotImplementedError))
        print("torch.Tensor.sspaddmm" in str(error), "<string>:" in str(error))
    t.sspaddmm = 5
    print(t.sspaddmm)
    """
    expected = ["False", "False", "None", "UnsupportedTorchAttribute", "True", "True", "True", "5"]
    assert run(start, code) == expected


def test_only_a_use_is_reported_and_a_probe_is_not():
    code = """
    from oneflow_mock import report
    t = torch.ones(1)
    hasattr(t, "smm"), getattr(t, "igamma", None)
    try:
        t.erfinv_missing
    except AttributeError:
        pass
    def use():
        return t.sspaddmm()
    try:
        use()
    except AttributeError:
        pass
    print([row.api for row in report.rows() if row.api.startswith("torch.Tensor.")])
    """
    assert run(FRESH, code) == ["['torch.Tensor.sspaddmm']"]


@both
def test_off_means_off_and_on_again_means_on(start):
    code = """
    t = torch.ones(1)
    t.foo = 1
    oneflow_mock.disable()
    import oneflow
    print(hasattr(t, "foo"), hasattr(t, "__dict__"), oneflow.Tensor.__dictoffset__)
    try:
        oneflow.ones(1).foo = 1
    except AttributeError as error:
        print("refused")
    between = oneflow.ones(1)
    oneflow_mock.enable()
    import torch
    between.bar = 2
    print(t.foo, between.bar)
    """
    assert run(start, code) == ["False", "False", "0", "refused", "1", "2"]


def test_classes_of_oneflow_are_as_before_when_the_mock_is_off():
    code = """
    import oneflow
    classes = (oneflow.Tensor, oneflow.nn.Parameter, oneflow.dtype, oneflow.device, oneflow.Size)
    def shot():
        return [(dict(vars(c)), c.__module__, c.__dictoffset__, repr(c)) for c in classes]
    before = shot()
    import oneflow_mock
    oneflow_mock.enable()
    import torch
    torch.ones(2).sum(), repr(torch.Size([1])), torch.device("meta")
    changed = shot() != before
    oneflow_mock.disable()
    after = shot()
    print(changed, after == before)
    for one, other in zip(before, after):
        for name in set(one[0]) | set(other[0]):
            if one[0].get(name) is not other[0].get(name):
                print(name)
    print(oneflow.Size([1]), oneflow.device("cpu"), oneflow.float32)
    """
    expected = ["True", "True", "oneflow.Size([1])", "cpu:0", "oneflow.float32"]
    assert run("", code) == expected


def test_makers_of_oneflow_work_again_when_the_mock_is_off():
    code = """
    class Mine(torch.Tensor): pass
    Mine([1.0])
    oneflow_mock.disable()
    import oneflow
    print(oneflow.Tensor([1.0, 2.0]).tolist(), oneflow.nn.Parameter(oneflow.ones(1)).tolist())
    class Other(oneflow.Tensor): pass
    print(Other([3.0]).tolist(), oneflow.device("cpu", 0))
    """
    assert run(FRESH, code) == ["[1.0,", "2.0]", "[1.0]", "[3.0]", "cpu:0"]


def test_an_engine_without_tensors_gets_the_native_layout_too():
    start = "import oneflow\nimport oneflow_mock; oneflow_mock.enable(); import torch\n"
    assert run(start, "t = torch.ones(1); t.foo = 1; print(torch.Tensor.__dictoffset__ > 0)") == [
        "True"
    ]


@both
def test_classes_outlive_their_instances(start):
    code = """
    import sys
    class Mine(torch.Tensor): pass
    meta = type(torch.empty(1, device="meta"))
    before = [sys.getrefcount(cls) for cls in (Mine, meta, torch.Tensor, torch.nn.Parameter)]
    for _ in range(500):
        mine = torch.ones(1).as_subclass(Mine)
        mine.foo = mine.grad
        torch.empty(2, device="meta").foo = 1
        torch.nn.Parameter(torch.ones(1)).foo = 1
        torch.ones(1).foo = 1
    del mine
    gc.collect()
    after = [sys.getrefcount(cls) for cls in (Mine, meta, torch.Tensor, torch.nn.Parameter)]
    print(all(abs(one - other) < 5 for one, other in zip(before, after)), after)
    """
    assert run(start, code)[0] == "True"


@both
def test_attributes_do_not_leak_memory(start):
    code = """
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096
    def work():
        for _ in range(300):
            t = torch.ones(10, requires_grad=True)
            t.payload = bytearray(100000)
            (t * 2).sum().backward()
            t.grad.payload = bytearray(100000)
            copy.deepcopy(t)
        del t
        gc.collect()
    work()
    before = resident()
    work()
    work()
    print(resident() - before < 40e6)
    """
    assert run(start, code) == ["True"]
