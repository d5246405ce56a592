"""What all tests share."""

from hypothesis import settings

# A loaded machine is not a failing test; a failing test is the same one tomorrow.
settings.register_profile("settle", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("settle")
