"""Guards and actions of the reference machines as methods of an object, as the Python peers like them."""

from typing import Any


class ContextModel:
    """Holds a context as a dict; each method does what its namesake in `reference_machines.OnDict` does."""

    def __init__(self, context: dict[str, Any]) -> None:
        self.context = context

    def has_stock(self) -> bool:
        """Guard."""
        return bool(self.context["stock"] > 0)

    def has_total(self) -> bool:
        """Guard."""
        return bool(self.context["total"] > 0)

    def count(self) -> None:
        """Action."""
        self.context["n"] += 1

    def count_entry(self) -> None:
        """Action."""
        self.context["entered"] += 1

    def count_exit(self) -> None:
        """Action."""
        self.context["exited"] += 1

    def take_stock(self) -> None:
        """Action."""
        self.context["stock"] -= 1

    def return_stock(self) -> None:
        """Action."""
        self.context["stock"] += 1

    def add_paid(self) -> None:
        """Action."""
        self.context["paid"] += self.context["total"]

    def clear_paid(self) -> None:
        """Action."""
        self.context["paid"] = 0
