"""What Lambda calls."""

from functions.garbage import hold_back

hold_back()
