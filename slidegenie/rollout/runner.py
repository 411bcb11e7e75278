"""Pulumi as what carries a plan out."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi.automation import PulumiCommand

from components.core.engine import DockerEngine
from components.releases.kept_images import keep_images

from ..changes import Comparison, changes_of
from ..changes.told import told
from ..console import echo, info
from ..engine.ownership import refuse_another_owner, refuse_foreign_data
from ..maintenance.records import image_record
from ..plan import Plan, StackProgram
from ..plan.as_json import plain_plan, read_plan
from ..pulumi.stack import PulumiStack
from ..pulumi.steps import deployed_plan
from ..runner import PreviewOptions, RunnerKind, UpOptions
from ..user_folder import UserFolder
from .releases import releases_of
from .rollout import moved_images, roll_out, show_changes, sweep, unprotect_replaced
from .rotation import Rotation


class PulumiRunner:
    """Carries out one stack; `plan` returns what it should become, which not every command has to know."""

    kind = RunnerKind.PULUMI

    def __init__(
        self, program: StackProgram, plan: Callable[[], Plan], user: UserFolder, command: PulumiCommand
    ) -> None:
        self._program, self._plan, self._user = program, plan, user
        self._stack, self._is_open = PulumiStack(program, user, command), False

    @property
    def stack(self) -> PulumiStack:
        """The stack, open.

        Raises:
            Problem: when there is no such stack.
        """
        if not self._is_open:
            self._stack.open()
            self._is_open = True
        return self._stack

    def up(self, options: UpOptions) -> None:
        """Bring the stack to what the plan says.

        Raises:
            Problem: when it failed, with the reason; the old release serves on.
        """
        stack = self._made()
        info(f"rolling out stack {self._program.stack} with Pulumi")
        plan, state = self._plan(), stack.state()
        # Of a stack that runs, it says more than whose data there is.
        refuse_another_owner(stack.label, state.container_ids())
        refuse_foreign_data(plan, state.opens)
        unprotect_replaced(stack, plan, remove=options.remove_protected)
        moved = moved_images(stack.state(), image_record(self._user, plan.label))
        if moved and not options.newest:
            names = ", ".join(sorted(set(moved.values())))
            info(f"this engine has newer images than the stack was made from ({names}); `make up NEWEST=1` takes them")

        def on_start() -> None:
            self._user.remember(self._program.stack, self.kind)

        show_changes(roll_out(stack, list(moved) if options.newest else (), plan=options.plan, on_start=on_start))

    def preview(self, options: PreviewOptions) -> None:
        """Print what `up` would change, service by service and then as Pulumi does; changes nothing.

        Raises:
            Problem: when it cannot be shown, breaks a policy or is more than was expected; with all that Pulumi said.
        """
        stack, plan = self._made(), self._plan()
        steps, printed = stack.preview(options)
        before = deployed_plan(stack.state(), plan.project, plan.stack)
        after = steps.with_environments(read_plan(plain_plan(plan, self._program.root)))
        for line in told(changes_of(Comparison(before, after, told=steps.told))):
            echo(line)
        echo(printed)

    def rotate(self, secret: str, edge_certificate: Callable[[], str | None]) -> None:
        """Replace a generated secret: a rollout of what settings and code say by now, and so a release.

        Raises:
            Problem: when there is nothing to rotate, with what to do instead; or when the rollout failed.
        """
        releases = releases_of(self.stack)
        # What a rollback put there is the release still.
        self.stack.open(rollback=releases.current if releases.held else None)
        unprotect_replaced(self.stack, self._plan(), remove=False)
        self._rotation(edge_certificate).rotate(secret)

    def rotatable(self) -> Iterator[str]:
        """Yield a line for each secret that can be rotated."""
        return self._rotation(lambda: None).listed()

    def down(self) -> None:
        """Remove containers and networks; data and generated secrets stay."""
        self._refuse_others()
        show_changes(self.stack.down())

    def destroy(self, *, with_backups: bool) -> bool:
        """Remove everything; return whether backups stay, which go `with_backups` only."""
        self._refuse_others()
        kept = not with_backups and bool(self.stack.state().backups())
        show_changes(self.stack.destroy(with_backups=with_backups))
        keep_images(DockerEngine(), self.stack.label, ())
        return kept

    def outputs(self) -> Mapping[str, Any]:
        """Return what the program exported; secrets are masked."""
        return self.stack.outputs()

    def passwords(self) -> Iterator[tuple[str, str]]:
        """Yield name and value of each generated password."""
        return self.stack.state(secrets=True).passwords()

    def container_ids(self) -> set[str]:
        """Return the IDs of all containers that the state knows."""
        return self.stack.state().container_ids()

    def _made(self) -> PulumiStack:
        """Return the stack, open, and made where it is missing."""
        self._stack.open(make=True)
        self._is_open = True
        return self._stack

    def _rotation(self, edge_certificate: Callable[[], str | None]) -> Rotation:
        return Rotation(self.stack, self._program, edge_certificate)

    def _refuse_others(self) -> None:
        """Refuse what is not this state's, and remove what a killed rollout left: its files could not be removed.

        Raises:
            Problem: when what runs is not this state's, or an update is under way.
        """
        # What a running update has just made looks like what a killed one left.
        self.stack.refuse_while_locked()
        state = self.stack.state()
        refuse_another_owner(self.stack.label, state.container_ids())
        sweep(state, self.stack.label)
