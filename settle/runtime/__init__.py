"""What applies events to instances, whatever store and queue they live on."""
