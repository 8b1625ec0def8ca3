"""What stands behind ``torch.library``."""
