"""What can go wrong on an operator's machine; without botocore, which not every operator has."""


class NoCredentialsError(Exception):
    """This machine has no AWS credentials or no region, or cannot use what it has."""
