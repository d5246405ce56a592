"""Stores and queues: on AWS through boto3, and embedded on SQLite."""
