"""Stores and queues: on AWS through botocore, which boto3 stands on too, and embedded on SQLite."""
