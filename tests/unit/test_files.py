"""Files never change: other content is another volume."""

from collections.abc import Mapping

import pulumi
import pytest

from components import DataVolume, DataVolumeArgs, Files, FilesArgs
from slidegenie.plan import Plan, Secret

from .planned import CONTAINER, VOLUME, labels, uploads, with_foundation


def planned(files: Mapping[str, pulumi.Input[str]]) -> Plan:
    return with_foundation(lambda base: Files("config", FilesArgs(foundation=base, files=files)))


def content(files: Mapping[str, pulumi.Input[str]]) -> str:
    return labels(planned(files).named("config", VOLUME))["io.slidegenie.content"]


def test_the_same_content_is_the_same_volume() -> None:
    assert content({"a": "1", "b": "2"}) == content({"b": "2", "a": "1"})
    assert len(content({"a": "1"})) == 16


@pytest.mark.parametrize("other", [{"a": "2"}, {"b": "1"}, {"a": "1", "b": ""}], ids=["content", "name", "one more"])
def test_other_content_is_another_volume(other: dict[str, str]) -> None:
    assert content(other) != content({"a": "1"})


def test_the_volume_has_no_name_of_its_own_so_that_the_old_one_can_stay() -> None:
    volume = planned({"a": "1"}).named("config", VOLUME)

    assert "name" not in volume.inputs
    assert volume.delete_before_replace is False
    assert volume.protect is False


def test_files_are_uploaded_into_a_container_that_never_starts() -> None:
    seed = planned({"b": "2", "a": "1"}).named("config-seed", CONTAINER)

    assert seed.inputs["uploads"] == [
        {"file": "/volume/a", "content": "1", "permissions": "0444"},
        {"file": "/volume/b", "content": "2", "permissions": "0444"},
    ]
    assert seed.inputs["start"] is False
    assert seed.inputs["mounts"] == [{"type": "volume", "source": "config", "target": "/volume"}]


def test_the_same_files_in_another_volume_are_uploaded_again() -> None:
    assert planned({"a": "1"}).named("config-seed", CONTAINER).replace_on_changes == ("mounts",)


def test_secret_content_stays_encrypted_and_its_label_does_not_have_to() -> None:
    plan = with_foundation(
        lambda base: Files("config", FilesArgs(foundation=base, files={"password": pulumi.Output.secret("hunter2")}))
    )

    assert isinstance(plan.named("config-seed", CONTAINER).inputs["uploads"], Secret)
    assert uploads(plan.named("config-seed", CONTAINER)) == {"password": "hunter2"}
    assert isinstance(labels(plan.named("config", VOLUME))["io.slidegenie.content"], str)
    assert not isinstance(plan.named("config", VOLUME).inputs["labels"], Secret)


@pytest.mark.parametrize("name", ["", "folder/file", "/etc/passwd", "../x"])
def test_a_name_with_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^a file needs a plain name without folders, like password; got '{name}'$"):
        planned({name: "x"})


def data_volume(data_root: str | None) -> Plan:
    return with_foundation(
        lambda base: DataVolume("data", DataVolumeArgs(foundation=base, role="exports", data_root=data_root))
    )


def test_a_data_volume_has_a_fixed_name_and_is_protected() -> None:
    volume = data_volume(None).named("data", VOLUME)

    assert volume.inputs["name"] == "slidegenie-test-exports"
    assert "driverOpts" not in volume.inputs
    assert volume.protect is True
    assert labels(volume)["io.slidegenie.data"] == "exports"


def test_a_data_volume_can_live_in_a_folder_of_the_host() -> None:
    volume = data_volume("/opt/slidegenie/data").named("data", VOLUME)

    assert volume.inputs["driverOpts"] == {"type": "none", "o": "bind", "device": "/opt/slidegenie/data/exports"}


def test_a_data_volume_gets_its_owner_from_a_seed_without_files() -> None:
    plan = data_volume(None)
    seed = plan.named("data-seed", CONTAINER)

    assert seed.inputs["uploads"] == []
    assert seed.inputs["mounts"] == [{"type": "volume", "source": "slidegenie-test-exports", "target": "/volume"}]
    assert seed.protect is False


def test_all_data_of_production_is_below_its_folder_and_protected(plans: dict[str, Plan]) -> None:
    data = [volume for volume in plans["prod"].of_type(VOLUME) if "io.slidegenie.data" in labels(volume)]

    assert {"postgres", "redis", "minio"} <= {labels(volume)["io.slidegenie.data"] for volume in data}
    for volume in data:
        held = labels(volume)["io.slidegenie.data"]
        assert volume.protect is True, held
        assert volume.inputs["name"] == f"slidegenie-prod-{held}"
        assert volume.inputs["driverOpts"]["device"] == f"/opt/slidegenie/data/{held}"
