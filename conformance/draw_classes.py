"""Write what real PyTorch answers to its databases of modules and optimizers: see `draw.py`.

A module's sample is a construction and a call, in one of the two modes. Its facets: `initial`, the
parameters that the constructor draws from the one seed; `function`, what it returns, with those
parameters; `gradient`, of inputs and parameters. An optimizer's is a few steps.
"""

import torch

from conformance import classes, draw, storage


def public(kind, prefix):
    name = f"{prefix}.{kind.__name__}"
    found = torch
    for part in name.split("."):
        found = getattr(found, part, None)
    return name if found is kind else None


def entry_of(kind, prefix, what):
    name = public(kind, prefix)
    told = {"name": name or kind.__name__, "variant": "", "public": name, "kind": what}
    told.update(entry=told["name"], ways={}, uninitialized=False, drawn=[what + "s"])
    return told


def listed():
    """Return (dtype's folder, what the database says, the entry) for all of both databases."""
    from torch.testing._internal.common_modules import module_db
    from torch.testing._internal.common_optimizers import optim_db

    found = [("modules", one, entry_of(one.module_cls, "nn", "module")) for one in module_db]
    found += [
        ("optimizers", one, entry_of(one.optim_cls, "optim", "optimizer")) for one in optim_db
    ]
    seen = {}
    for _, _, entry in found:
        # Some modules are there twice, with other inputs.
        seen[entry["entry"]] = seen.get(entry["entry"], 0) + 1
        if seen[entry["entry"]] > 1:
            entry["variant"] = str(seen[entry["entry"]])
            entry["entry"] += "." + entry["variant"]
    return found


def inputs_of(info):
    """Yield (training, what the database passes) for a module."""
    for training in (False, True) if info.train_and_eval_differ else (False,):
        classes.seeded()
        given = info.module_inputs_func(
            info, device="cpu", dtype=torch.float32, requires_grad=True, training=training
        )
        for one in given:
            yield training, one


def module_row(coder, entry, training, given):
    """Return one sample of a module, or None where PyTorch itself refuses it."""
    built = given.constructor_input
    call = given.forward_input
    row = {"training": training, "constructor": coder.passed(tuple(built.args), dict(built.kwargs))}
    row.update(coder.passed(tuple(call.args), dict(call.kwargs)))
    made = classes.module(entry, built.args, built.kwargs, training)
    initial = [(name, one.clone()) for name, one in classes.state(made)]
    row["state"] = [[name, coder.tensor(one)] for name, one in initial]
    seen = {}
    args = draw.copied(tuple(call.args), True, seen)
    options = draw.copied(dict(call.kwargs), True, seen)
    result = classes.forward(made, args, options)
    outputs = draw.leaves(result)
    row["facets"] = facets = {"initial": {}, "function": {"result": coder.code(result)}}
    chosen = [n for n, one in enumerate(outputs) if one.requires_grad]
    if not chosen:
        return row
    torch.autograd.backward(
        [outputs[n] for n in chosen], [draw.cotangent(n, outputs[n]) for n in chosen]
    )
    grads = [one.grad for one in draw.leaves((args, options)) if one.requires_grad]
    facets["gradient"] = {
        "outputs": chosen,
        "gradients": [None if one is None else coder.tensor(one) for one in grads],
        "parameters": [
            [name, None if one.grad is None else coder.tensor(one.grad)]
            for name, one in made.named_parameters()
        ],
    }
    return row


def draw_module(info, entry, path):
    coder, rows, left_out = draw.Coder(), [], {}
    for number, (training, given) in enumerate(inputs_of(info)):
        try:
            row = module_row(coder, entry, training, given)
            rows.append({"sample": number, **row})
        except storage.CannotStore as error:
            left_out[str(error)] = left_out.get(str(error), 0) + 1
        except Exception as error:
            why = "refused by PyTorch: " + type(error).__name__
            left_out[why] = left_out.get(why, 0) + 1
    index = {**entry, "dtype": "modules", "tolerance": None, "left_out": left_out, "samples": rows}
    coder.writer.write(path, index)


def draw_optimizer(info, entry, path):
    coder, rows, left_out = draw.Coder(), [], {}
    for number, given in enumerate(info.optim_inputs_func(device="cpu")):
        try:
            options = dict(given.kwargs)
            row = {"sample": number, **coder.passed((), options)}
            row["facets"] = {"function": {"result": coder.code(classes.stepped(entry, options))}}
            rows.append(row)
        except storage.CannotStore as error:
            left_out[str(error)] = left_out.get(str(error), 0) + 1
        except Exception as error:
            why = "refused by PyTorch: " + type(error).__name__
            left_out[why] = left_out.get(why, 0) + 1
    index = {
        **entry,
        "dtype": "optimizers",
        "tolerance": None,
        "left_out": left_out,
        "samples": rows,
    }
    coder.writer.write(path, index)


DRAW = {"modules": draw_module, "optimizers": draw_optimizer}
