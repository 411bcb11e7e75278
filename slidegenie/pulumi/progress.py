"""Turn Pulumi's events into a line for each thing a person cares about, and keep the errors."""

from pulumi.automation import EngineEvent, OpType

from ..console import echo
from ..plan.view import BUILT, CONTAINER, NETWORK, PULLED, VOLUME

_WORDS = {
    OpType.CREATE: "created",
    OpType.CREATE_REPLACEMENT: "created the new",
    OpType.UPDATE: "updated",
    OpType.DELETE: "deleted",
    OpType.DELETE_REPLACED: "deleted the old",
    OpType.DISCARD_REPLACED: "discarded the old",
}
_BUILDS = (OpType.CREATE, OpType.CREATE_REPLACEMENT, OpType.UPDATE)
_KINDS = {
    CONTAINER: "container",
    NETWORK: "network",
    VOLUME: "volume",
    PULLED: "image",
    BUILT: "image build",
}


class Progress:
    """Listens to one update."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        """What Pulumi and the providers reported as errors, without tracebacks."""
        self.changes = 0
        """Resources that were created, updated or deleted."""

    def __call__(self, event: EngineEvent) -> None:
        """Take one event."""
        if (starting := event.resource_pre_event) and not starting.planning:
            if starting.metadata.type == BUILT and starting.metadata.op in _BUILDS:
                echo(f"    building {_name(starting.metadata.urn)}")
        elif (done := event.res_outputs_event) and not done.planning:
            self._done(done.metadata.op, done.metadata.type, done.metadata.urn)
        elif (diagnostic := event.diagnostic_event) and diagnostic.severity == "error":
            self._error(diagnostic.message)

    def _done(self, op: OpType, kind: str, urn: str) -> None:
        if op not in _WORDS:
            return
        self.changes += 1
        if kind in _KINDS and not _name(urn).endswith("-seed"):
            echo(f"    {_WORDS[op]} {_KINDS[kind]} {_name(urn)}")

    def _error(self, message: str) -> None:
        text = message.split("Traceback (most recent call last)", maxsplit=1)[0].strip()
        # Pulumi's summary of the others says nothing by itself.
        if text and text != "update failed" and "an unhandled error occurred" not in text and text not in self.errors:
            self.errors.append(text)


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]
