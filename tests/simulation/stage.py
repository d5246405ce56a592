"""Where machines that are built once find the world of the run that goes on now."""

from typing import Any

from settle.core.service import ServiceCall


class Stage:
    """Stands for the world in charts, which take too long to build for every run."""

    world: Any = None

    @property
    def mended(self) -> set[int]:
        """Events that no longer raise."""
        found: set[int] = self.world.mended
        return found

    def serve(self, machine_id: str, call: ServiceCall) -> Any:
        """Every service of every machine."""
        return self.world.serve(machine_id, call)

    def kill(self) -> None:
        """End the process that runs the event."""
        self.world.kill()


STAGE = Stage()
