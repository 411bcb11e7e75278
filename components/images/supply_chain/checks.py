"""What happens to an image between its build and its first container, each step a plain function."""

import contextlib
import datetime
from dataclasses import dataclass
from pathlib import Path

from ...core.engine import DockerEngine
from ...settings import ImagesSettings
from ...settings.sections.images import Require
from . import cosign, inspection
from .cosign import Signer
from .inspection import CheckedImage
from .scan_policy import Ignored, Scanner, ScanResult, judge_report, load_scan_policy
from .tools import RegistryLogin, SupplyChainError, Toolset, toolset

_Bench = contextlib.AbstractContextManager[Toolset]


@dataclass(frozen=True, kw_only=True)
class Checks:
    """The steps, with all they need to know."""

    require: Require
    """Whether tools that are missing may be fetched."""
    policy: Path
    """The scan policy."""
    signer: Signer
    """Who signs, and whose signature counts."""
    login: RegistryLogin | None = None
    """The registry's login. Default: the user's own Docker configuration."""
    engine: DockerEngine | None = None
    """Where images are that are not pushed. Default: the engine of the environment."""
    images: ImagesSettings = ImagesSettings()
    """The mirror that images of tools come from too."""

    def need(self, *tools: str) -> None:
        """Make sure that `tools` are there before minutes go into a build.

        Raises:
            ToolError: naming the first that is missing and how to get it.
        """
        with self._bench() as bench:
            for tool in tools:
                bench.need(tool)

    def scan(self, subject: CheckedImage) -> None:
        """Refuse an image with findings from the threshold on; of several platforms, each is looked at.

        Raises:
            SupplyChainError: naming each of them.
            SettingsError: when the policy has mistakes.
        """
        policy, today, refused = load_scan_policy(self.policy), datetime.datetime.now(datetime.UTC).date(), []
        with self._bench() as bench:
            for image in subject.images(bench):
                verdict = judge_report(inspection.scan(bench, image, policy), policy, today)
                if not verdict.passed:
                    refused.append(refusal(image, verdict, self.policy))
        if refused:
            raise SupplyChainError("\n".join(refused))

    def sign(self, subject: CheckedImage) -> None:
        """Attach an SBOM to a pushed image, to each of several platforms its own, and sign it.

        Raises:
            SupplyChainError: when either cannot be done.
        """
        with self._bench() as bench:
            for image in subject.images(bench):
                cosign.attach(bench, image, inspection.sbom(bench, image), self.signer)
            cosign.sign(bench, subject, self.signer)

    def verify(self, subject: CheckedImage) -> None:
        """Refuse a pushed image that the configured identity has not signed.

        Raises:
            SupplyChainError: when it is not signed, not by that identity, or that cannot be found out.
        """
        with self._bench() as bench:
            cosign.verify(bench, subject, self.signer)

    def tag(self, subject: CheckedImage, tags: tuple[str, ...]) -> None:
        """Give a pushed image the names people know it by.

        Raises:
            SupplyChainError: when the registry refuses.
        """
        repository = subject.pinned.rpartition("@")[0]
        names = [option for tag in tags for option in ("--tag", f"{repository}:{tag}")]
        with self._bench() as bench:
            # Without the last option buildx wraps a single image in a list, whose digest nobody has signed.
            bench.docker("buildx", "imagetools", "create", "--prefer-index=false", *names, subject.pinned)

    def _bench(self) -> _Bench:
        return toolset(fetch=self.require is Require.ENFORCE, login=self.login, engine=self.engine, images=self.images)


def refusal(subject: CheckedImage, verdict: ScanResult, policy: Path, most: int = 20) -> str:
    """Say what stops an image, where it was found, and what can be done."""
    found = [f"  {finding}" for finding in verdict.stopping[:most]]
    more = [f"  and {len(verdict.stopping) - most} more"] if len(verdict.stopping) > most else []
    expired = [f"  {expiry(entry)}" for entry in verdict.expired]
    return "\n".join(
        [
            f"{subject} was refused by the scan ({verdict.summary()}):",
            *found,
            *more,
            *expired,
            f"  fix it and build again, or accept it for a while in {policy} (ignore: id, reason, expires)",
        ]
    )


def expiry(entry: Ignored) -> str:
    """Say that a finding is not accepted any more."""
    return f"the acceptance of {entry.id} expired on {entry.expires} ({entry.reason})"


def covered(scanners: tuple[Scanner, ...]) -> str:
    """Say what a scan looked for, and what it did not."""
    looked = ", ".join(scanner.value for scanner in scanners)
    if Scanner.VULNERABILITIES in scanners:
        return f"looked for: {looked}"
    return f"looked for: {looked}; NOT for vulnerabilities of packages, which needs Trivy's database"
