"""A Pulumi program run against answers of our choice, with its hooks kept."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi.runtime import mocks

from components import Foundation, FoundationArgs


class Watching(mocks.MockMonitor):
    """Answers what providers would, and notes which hooks each resource has."""

    def __init__(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(_Answers(answers))
        self.after_create: dict[str, list[str]] = {}
        self.before_create: dict[str, list[str]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC name
        if request.type == "docker:index/container:Container":
            self.after_create[request.name] = list(request.hooks.after_create)
        if request.type == "docker:index/volume:Volume":
            self.before_create[request.name] = list(request.hooks.before_create)
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


class _Answers(mocks.Mocks):
    def __init__(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        self._answers = answers

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", dict(args.inputs) | dict(self._answers.get(args.name, {}))

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise NotImplementedError(args.token)


def watched(
    program: Callable[[Foundation], object], answers: Mapping[str, Mapping[str, Any]] | None = None
) -> Watching:
    """Run `program`, which is given a foundation; `answers` has outputs by the name of the resource."""
    monitor = Watching(answers or {})
    pulumi.runtime.set_mocks(monitor.mocks, "slidegenie", "test", preview=False, monitor=monitor)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> None:
        program(Foundation("base", FoundationArgs()))

    run()
    return monitor
