"""torch.nn.modules.utils: what OneFlow lacks of it."""


def consume_prefix_in_state_dict_if_present(state_dict, prefix):
    """Take a prefix, such as DataParallel's "module.", off the keys of a state dict, in place."""
    for key in list(state_dict):
        if key.startswith(prefix):
            state_dict[key[len(prefix) :]] = state_dict.pop(key)
    metadata = getattr(state_dict, "_metadata", None)
    if metadata is None:
        return
    for key in list(metadata):
        # The module itself is "", and "module" stands for it under the prefix "module.".
        if key == prefix.rstrip(".") or key.startswith(prefix):
            value = metadata.pop(key)
            metadata[key[len(prefix) :]] = value
