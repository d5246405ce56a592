"""What a step costs: beside JSON alone, beside other engines, and in machines of a thousand states. See `__main__`."""
