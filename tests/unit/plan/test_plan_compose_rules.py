"""The rules of the Compose file one by one, on plans made by hand."""

from typing import Any

import pytest
import yaml
from pulumi.output import Unknown

from slidegenie.compose.yaml_text import Interpolated, compose_yaml
from slidegenie.console import Problem
from slidegenie.plan.record import Secret
from slidegenie.plan.render import render_tree

from ..plans import container, made_of, mount, network, rendered, seed, upload, volume

_FILES = volume("demo-app-config")


def test_containers_of_one_service_become_replicas() -> None:
    _, document = rendered(container("web", 1), container("web", 2), container("web", 3))
    assert document["services"]["web"]["deploy"] == {"replicas": 3}
    assert document["name"] == "demo-test"


def test_containers_of_one_service_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r"web-1 and web-2 of service web differ in label color, memory"):
        rendered(container("web", 1), container("web", 2, memory=65, labels={"color": "blue"}))


def test_replicas_never_wait_for_each_other() -> None:
    _, document = rendered(
        container("db"), container("web", 1, after=["db-1"]), container("web", 2, after=["db-1", "web-1"])
    )
    assert document["services"]["web"]["depends_on"] == {"db": {"condition": "service_healthy"}}


def test_a_job_must_have_succeeded() -> None:
    _, document = rendered(container("migrate", role="job"), container("web", after=["migrate-1"]))
    assert document["services"]["web"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_an_input_without_a_place_in_compose_is_an_error_and_not_lost() -> None:
    with pytest.raises(
        ValueError, match=r"service web: the Compose file has no place for the input ulimits=\['core'\]"
    ):
        rendered(container("web", ulimits=["core"]))


@pytest.mark.parametrize(
    "inputs", [{"envs": [Secret("A=b")]}, {"command": Secret(["a"])}, {"tmpfs": {"/a": Secret("b")}}]
)
def test_a_secret_in_plain_sight_is_refused(inputs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"service web: \w+ holds a secret") as refused:
        rendered(container("web", **inputs))
    assert "A=b" not in str(refused.value)


def test_a_value_that_only_the_update_knows_is_refused() -> None:
    unknown = Unknown()  # type: ignore[no-untyped-call]
    with pytest.raises(ValueError, match=r"service web: command is known during the update only, and a Compose file"):
        rendered(container("web", command=["serve", unknown]))


@pytest.mark.parametrize(
    ("uploads", "secret"),
    [
        ([upload("a", "hush")], False),
        ([upload("a", Secret("hush"))], True),
    ],
)
def test_a_file_is_a_secret_when_its_content_is(uploads: object, secret: bool) -> None:
    project, document = rendered(
        _FILES, seed("s", _FILES.name, uploads), container("web", mounts=[mount(_FILES.name, "/etc/web")])
    )
    source = [{"source": "app-config-a", "target": "/etc/web/a"}]
    web = document["services"]["web"]
    assert web.get("secrets") == (source if secret else None)
    assert web.get("configs") == (None if secret else source)
    assert project.secret_files == ({".secrets/app-config/a": "hush"} if secret else {})
    assert project.config_files == ({} if secret else {"files/app-config/a": "hush"})
    path = "./.secrets/app-config/a" if secret else "./files/app-config/a"
    assert document["secrets" if secret else "configs"] == {"app-config-a": {"file": path}}
    assert ("hush" in project.text) is False


def test_one_secret_upload_leaves_the_other_public() -> None:
    project, _ = rendered(
        _FILES,
        seed("s", _FILES.name, [upload("a", "open"), upload("b", Secret("hush"))]),
        container("web", mounts=[mount(_FILES.name, "/etc/web")]),
    )
    assert project.config_files == {"files/app-config/a": "open"}
    assert project.secret_files == {".secrets/app-config/b": "hush"}


def test_other_content_of_a_file_changes_a_label_so_that_compose_replaces_the_container() -> None:
    def label(content: object) -> str | None:
        _, document = rendered(
            _FILES,
            seed("s", _FILES.name, [upload("a", content)]),
            container("web", mounts=[mount(_FILES.name, "/etc/web")]),
        )
        found: str | None = document["services"]["web"]["labels"].get("io.slidegenie.content")
        return found

    assert label("one") == label("one")
    assert label("one") != label("two")
    assert label(Secret("one")) is None


def test_each_content_of_files_of_a_rolling_service_has_a_place_of_its_own() -> None:
    """Old replicas read theirs on, also when one starts again while a broken release is not replaced."""
    secrets, fixed = volume("demo-app-secrets"), volume("demo-db-config")
    project, _ = rendered(
        *(_FILES, secrets, fixed),
        *(
            seed("s1", _FILES.name, [upload("a", "open")]),
            seed("s2", secrets.name, [upload("b", Secret("hush"))]),
            seed("s3", fixed.name, [upload("c", "store")]),
        ),
        container(
            "web",
            mounts=[mount(_FILES.name, "/etc/web"), mount(secrets.name, "/run/secrets")],
            options={"delete_before_replace": False},
        ),
        container("db", mounts=[mount(fixed.name, "/etc/db")]),
        by_content=True,
    )
    # The content of each volume is `abc` by its label.
    assert project.config_files == {"files/app-config/abc/a": "open", "files/db-config/c": "store"}
    assert project.secret_files == {".secrets/app-secrets/abc/b": "hush"}
    assert {str(folder) for folder in project.content_folders} == {
        "/checkout/files/app-config/abc",
        "/checkout/.secrets/app-secrets/abc",
    }


def test_two_files_with_the_same_short_name_are_refused() -> None:
    one, two = volume("demo-a-b"), volume("demo-a")
    with pytest.raises(ValueError, match=r"two files are called a-b-c, \./files/\S+ and \./files/\S+; rename one"):
        rendered(
            one,
            two,
            seed("s1", one.name, [upload("c", "1")]),
            seed("s2", two.name, [upload("b-c", "2")]),
            container("web", mounts=[mount(one.name, "/one"), mount(two.name, "/two")]),
        )


def test_a_volume_must_say_what_it_is() -> None:
    nameless = volume("demo-x")
    nameless.inputs["labels"] = [{"label": "io.slidegenie.stack", "value": "demo/test"}]
    with pytest.raises(
        ValueError, match=r"volume demo-x is labelled neither io.slidegenie.data nor io.slidegenie.content"
    ):
        rendered(nameless, container("web"))


def test_what_is_made_without_the_library_is_named_and_left_to_pulumi() -> None:
    theirs = volume("cache")
    theirs.inputs["labels"] = []
    assert "made without this library\n    └── volume cache" in render_tree(made_of([theirs, container("web")]))
    with pytest.raises(Problem, match=r"^Docker Compose runs what .* only, and stack test has volume cache: run it"):
        rendered(theirs, container("web"))


def test_a_data_volume_is_prepared_before_its_consumer_starts() -> None:
    data = volume("demo-test-db", data="db")
    _, document = rendered(
        data, seed("s", data.name), container("db", mounts=[mount(data.name, "/data", read_only=False)], after=["s"])
    )
    assert document["services"]["db"]["depends_on"] == {"prepare-db": {"condition": "service_completed_successfully"}}
    assert document["services"]["db"]["volumes"] == ["db:/data"]
    assert document["services"]["prepare-db"]["image"] == "seed:1"


def test_a_data_volume_mounted_to_be_read_says_so() -> None:
    data = volume("demo-test-db", data="db")
    _, document = rendered(data, seed("s", data.name), container("web", mounts=[mount(data.name, "/data")]))
    assert document["services"]["web"]["volumes"] == ["db:/data:ro"]


def test_the_own_name_is_no_alias_and_another_one_is() -> None:
    joined = [{"name": "demo-edge", "aliases": ["web"]}, {"name": "demo-data", "aliases": ["web", "www"]}]
    zones = (network("edge"), network("data"))
    _, document = rendered(*zones, container("web", networksAdvanced=joined))
    assert document["services"]["web"]["networks"] == {"edge": None, "data": {"aliases": ["www"]}}
    _, document = rendered(*zones, container("web", networksAdvanced=joined[:1]))
    assert document["services"]["web"]["networks"] == ["edge"]


@pytest.mark.parametrize(
    ("address", "protocol", "expected"),
    [
        ("127.0.0.1", "tcp", "127.0.0.1:80:8080"),
        ("::1", "tcp", "[::1]:80:8080"),
        ("192.0.2.1", "udp", "192.0.2.1:80:8080/udp"),
    ],
)
def test_a_port_keeps_its_address(address: str, protocol: str, expected: str) -> None:
    port = {"ip": address, "external": 80, "internal": 8080, "protocol": protocol}
    _, document = rendered(container("web", ports=[port]))
    assert document["services"]["web"]["ports"] == [expected]


def test_groups_are_kept_unless_they_belong_to_the_socket() -> None:
    _, document = rendered(container("web", groupAdds=["44"]))
    assert document["services"]["web"]["group_add"] == ["44"]


@pytest.mark.parametrize("source", ["/run/user/7/docker.sock", "/run/podman/podman.sock", "/srv/engine/api"])
def test_the_socket_gets_the_group_of_the_host_whatever_it_is_called_there(source: str) -> None:
    socket = {"type": "bind", "source": source, "target": "/var/run/docker.sock", "readOnly": True}
    _, document = rendered(container("web", groupAdds=["44"], mounts=[socket]))
    assert document["services"]["web"]["group_add"] == ["${DOCKER_GID:?run make secrets}"]
    with pytest.raises(ValueError, match="must join its group only; got None"):
        rendered(container("web", mounts=[socket]))


def test_paths_of_the_checkout_become_relative_and_others_do_not() -> None:
    binds = [
        {"type": "bind", "source": source, "target": "/x", "readOnly": True}
        for source in ("/checkout/app", "/checkouts/app", "/checkout/a/../b")
    ]
    _, document = rendered(container("web", mounts=binds))
    sources = [mounted["source"] for mounted in document["services"]["web"]["volumes"]]
    assert sources == ["./app", "/checkouts/app", "./b"]


def test_dollars_are_doubled_so_that_compose_replaces_nothing() -> None:
    _, document = rendered(container("web", command=["echo $HOME"], envs=["PRICE=5$", "EMPTY=", "EQUAL=a=b"]))
    assert document["services"]["web"]["command"] == ["echo $$HOME"]
    assert document["services"]["web"]["environment"] == {"PRICE": "5$$", "EMPTY": "", "EQUAL": "a=b"}
    assert compose_yaml({"a": Interpolated("${B}")}) == "a: ${B}\n"


@pytest.mark.parametrize(
    "text", ["1", "1.5", "1e3", "0o17", "017", "0x1F", "yes", "no", "on", "y", "null", "~", "true", ""]
)
def test_text_that_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    assert compose_yaml({"a": text}) == f"a: '{text}'\n"
    assert yaml.safe_load(compose_yaml({"a": text})) == {"a": text}


@pytest.mark.parametrize("text", ["web", "1000:1000", "16m", "10.0.0.0/8", "0.0.0-dev"])
def test_plain_text_is_not_quoted(text: str) -> None:
    assert compose_yaml({"a": text}) == f"a: {text}\n"


def test_the_same_list_twice_is_written_twice() -> None:
    shared = ["x"]
    assert compose_yaml({"a": shared, "b": shared}) == "a:\n  - x\nb:\n  - x\n"


def test_below_a_service_what_fits_on_a_line_stands_on_one() -> None:
    value = {
        "services": {
            "web": {
                "cap_drop": ["ALL"],
                "logging": {"options": {"max-file": "5", "max-size": "20m"}},
                "environment": {"LONG": "x" * 90, "MORE": "y" * 30},
                "command": ["sh", "-c", "a\nb"],
            }
            | {f"label{number}": "{z}" for number in range(10)}
        }
    }
    text = compose_yaml(value)
    assert yaml.safe_load(text) == value
    assert text.splitlines()[2:4] == [
        "    cap_drop: [ALL]",
        "    logging: {options: {max-file: '5', max-size: 20m}}",
    ]
    assert "    environment:\n      LONG: x" in text
    assert "      - |-\n        a\n        b\n" in text


@pytest.mark.parametrize(("letters", "lines"), [(105, 1), (106, 2)], ids=["120 columns", "one more"])
def test_a_line_of_compose_has_120_columns_at_most(letters: int, lines: int) -> None:
    value = {"services": {"web": {"command": ["x" * letters], "more": {"a": "b" * 120}}}}
    above, below = compose_yaml(value).split("    more:")
    assert len(above.splitlines()) == 2 + lines
    assert max(len(line) for line in above.splitlines()) <= 120
    assert below
