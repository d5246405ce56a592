import this is not Python
