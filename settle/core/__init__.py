"""The statechart itself: definitions, snapshots and the step. Pure."""
