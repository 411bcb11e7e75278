"""The Dockerfiles are found from a checkout and from an installed package."""

from pathlib import Path

import pytest

from components.core import assets

from .plans import ROOT


def test_a_path_in_the_checkout_is_relative(monkeypatch: pytest.MonkeyPatch) -> None:
    """An absolute one would differ between machines and show as a change in each preview."""
    monkeypatch.chdir(ROOT)

    assert assets.asset("docker", "backend") == "docker/backend"


def test_a_path_outside_of_the_working_directory_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert assets.asset("docker", "seed") == str(ROOT / "docker" / "seed")


@pytest.mark.parametrize("parts", [("docker", "backend", "debian.Dockerfile"), ("docker", "seed", "Dockerfile")])
def test_what_is_asked_for_is_there(parts: tuple[str, ...]) -> None:
    assert Path(assets.asset(*parts)).is_file()
