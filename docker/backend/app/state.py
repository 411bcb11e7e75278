"""What one worker holds while it runs."""

from collections.abc import Collection
from dataclasses import dataclass

from .access import Access
from .errors import NotServingError
from .monitor import Monitor
from .runtime import Runtime
from .service import PresentationService
from .settings import Settings


@dataclass(frozen=True)
class AppState:
    """Shared by all routes, under `app.state.slidegenie`."""

    settings: Settings
    runtime: Runtime
    monitor: Monitor
    access: Access
    service: PresentationService | None
    """None as long as a dependency is not configured."""

    def serving(self, needed: Collection[str]) -> PresentationService:
        """Return the service, or raise at once while what needs these could only fail."""
        missing = self.settings.missing()
        if self.service is None:
            raise NotServingError(list(missing), missing)
        if down := [name for name in self.monitor.down() if name in needed]:
            raise NotServingError(down, {})
        return self.service
