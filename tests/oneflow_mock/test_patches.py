"""Changes to what is not ours, and how they are undone."""

import threading

import pytest

from oneflow_mock.patches import Patches


class Base:
    inherited = "base"


def make():
    class Owner(Base):
        """Owned."""

        own = "own"

        def method(self):
            return "method"

    return Owner


def state(owner):
    return {name: (id(value), value) for name, value in vars(owner).items()}


def test_set_and_restore():
    owner, patches = make(), Patches()
    before = state(owner)
    patches.set(owner, "own", 1)
    patches.set(owner, "method", lambda self: 2)
    patches.set(owner, "added", 3)
    patches.set(owner, "inherited", 4)
    assert (owner.own, owner().method(), owner.added, owner.inherited) == (1, 2, 3, 4)
    patches.restore()
    assert state(owner) == before
    assert owner.inherited == "base" and not hasattr(owner, "added")


def test_the_first_original_wins():
    owner, patches = make(), Patches()
    patches.set(owner, "own", 1)
    patches.set(owner, "own", 2)
    assert patches.original(owner, "own") == "own"
    assert patches.original(owner, "inherited") == "base"
    patches.restore()
    assert owner.own == "own"


def test_original_of_what_there_was_not():
    owner, patches = make(), Patches()
    patches.set(owner, "added", 1)
    assert patches.original(owner, "added") == 1
    with pytest.raises(AttributeError):
        patches.original(owner, "nonsense")


def test_again():
    owner, patches = make(), Patches()
    before = state(owner)
    patches.set(owner, "own", 1)
    patches.set(owner, "added", 2)
    for _ in range(3):
        patches.restore()
        assert state(owner) == before
        patches.restore()
        assert state(owner) == before
        patches.reapply()
        assert (owner.own, owner.added) == (1, 2)
    patches.restore()
    assert state(owner) == before


def test_what_a_program_changed_itself_comes_back_too():
    owner, patches = make(), Patches()
    patches.set(owner, "own", 1)
    owner.own = "the program's"
    patches.restore()
    assert owner.own == "own"
    patches.reapply()
    assert owner.own == "the program's"


def test_a_patch_in_between_waits():
    owner, patches = make(), Patches()
    before = state(owner)
    patches.restore()
    patches.set(owner, "own", 1)
    patches.set(owner, "added", 2)
    assert state(owner) == before
    patches.reapply()
    assert (owner.own, owner.added) == (1, 2)
    patches.restore()
    assert state(owner) == before


def test_nested_patches_are_undone_in_reverse():
    patches = Patches()
    log = []

    class Watched:
        def __setattr__(self, name, value):
            log.append((name, value))
            super().__setattr__(name, value)

        def __delattr__(self, name):
            log.append((name, None))
            super().__delattr__(name)

    watched = Watched()
    patches.set(watched, "a", 1)
    patches.set(watched, "b", 2)
    patches.restore()
    assert log == [("a", 1), ("b", 2), ("b", None), ("a", None)]


def test_modules_and_functions():
    module = type(threading)("made")
    module.value = 1

    def function():
        pass

    patches = Patches()
    patches.set(module, "value", 2)
    patches.set(function, "note", 3)
    patches.set(function, "__name__", "other")
    assert (module.value, function.note, function.__name__) == (2, 3, "other")
    patches.restore()
    assert (module.value, vars(function), function.__name__) == (1, {}, "function")


def test_what_cannot_be_set_leaves_no_trace():
    patches = Patches()
    with pytest.raises(TypeError):
        patches.set(int, "own", 1)
    patches.restore()
    patches.reapply()
    patches.restore()


class TestAdopt:
    def test_class(self):
        owner, patches = make(), Patches()
        patches.adopt(owner, "torch.nn", "Owner")
        assert (owner.__module__, owner.__qualname__) == ("torch.nn", "make.<locals>.Owner")
        patches.restore()
        assert owner.__module__ == __name__

    def test_class_by_another_name(self):
        owner, patches = make(), Patches()
        patches.adopt(owner, "torch.nn", "Other")
        assert (owner.__module__, owner.__name__) == (__name__, "Owner")

    def test_function_by_another_name(self):
        def function():
            pass

        patches = Patches()
        patches.adopt(function, "torch", "public")
        assert (function.__module__, function.__name__) == ("torch", "public")
        assert function.__qualname__ == "public"
        patches.restore()
        assert (function.__module__, function.__name__) == (__name__, "function")
        assert function.__qualname__.endswith("<locals>.function")

    def test_types_in_c(self):
        patches = Patches()
        patches.adopt(int, "torch", "int")
        assert int.__module__ == "builtins"
        patches.restore()
        patches.reapply()
        assert int.__module__ == "builtins"


def test_threads():
    owner, patches = make(), Patches()
    before = state(owner)
    stop = threading.Event()

    def patching(number):
        while not stop.is_set():
            patches.set(owner, f"added{number}", number)

    threads = [threading.Thread(target=patching, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            patches.restore()
            assert state(owner) == before
            patches.reapply()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    patches.restore()
    assert state(owner) == before
