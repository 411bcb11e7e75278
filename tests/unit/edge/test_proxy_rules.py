"""Which requests a rule of the edge lets through, in every spelling that a server may take for the same."""

import re

import pytest

from components.edge.rules import check_path, rule

_MATCHER = re.compile(r"(Host|Path|PathPrefix|PathRegexp)\(`([^`]+)`\)")


def leads(said: str, path: str) -> bool:
    """Decide as Traefik would: `path` has its slashes and dots cleaned and all but reserved characters decoded."""

    def found(matcher: re.Match[str]) -> str:
        name, value = matcher.groups()
        match name:
            case "Host":
                return "True"
            case "Path":
                return str(path == value)
            case "PathPrefix":
                return str(path.startswith(value))
            case _:
                return str(re.search(value, path) is not None)

    told = _MATCHER.sub(found, said).replace("&&", " and ").replace("||", " or ").replace("!", " not ")
    return bool(eval(told))  # noqa: S307 - words of the test's own


HIDDEN = rule("example.com", None, ["/metrics", "/health/ready"])


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "/metrics/deep/er",
        "//metrics",
        "/METRICS",
        "/Metrics/",
        "/metrics;x",
        "/metrics;x=1/deep",
        "/metrics%3Bx",
        "/;/metrics",
        "/;a=b/metrics",
        "/%2Fmetrics",
        "/%2fmetrics",
        "/metrics%2F",
        "/metrics%2Fdeep",
        "/a/..%2Fmetrics",
        "/a%2F..%2Fmetrics",
        "/.%2Fmetrics",
        "/a/..;/metrics",
        "/a/..;x/metrics",
        "/health/ready",
        "/health/ready/",
        "/health//ready",
        "/health%2Fready",
        "/health;x/ready",
        "/health/.%2Fready",
        "/health/a%2F../ready",
        "/HEALTH/ready",
    ],
)
def test_what_is_hidden_is_hidden_in_every_spelling(path: str) -> None:
    assert leads(HIDDEN, path) is False


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metricsx",
        "/metrics-of-sales",
        "/a/metrics",
        "/health",
        "/health/",
        "/health/live",
        "/health/readyness",
        "/ready",
        "/files/a%2Fb.txt",
        "/files/.hidden",
        "/files/..x",
        "/a;b=c/d",
    ],
)
def test_what_only_looks_like_it_is_led_on(path: str) -> None:
    assert leads(HIDDEN, path) is True


@pytest.mark.parametrize("hidden", ["/metrics", "/metrics/", "/svc/metrics"])
@pytest.mark.parametrize("prefix", ["/svc", "/svc/"])
def test_hidden_paths_are_below_the_path_of_the_service(prefix: str, hidden: str) -> None:
    said = rule("example.com", prefix, [hidden])

    assert [leads(said, path) for path in ("/svc", "/svc/", "/svc/a", "/svc/a/metrics")] == [True] * 4
    assert [leads(said, path) for path in ("/svc/metrics", "/svc/metrics/a", "/svc/Metrics", "/svc//metrics")] == [
        False
    ] * 4


def test_a_path_is_not_the_beginning_of_a_longer_word() -> None:
    said = rule("example.com", "/reports")

    assert {path: leads(said, path) for path in ("/reports", "/reports/", "/reports/1", "/reportsecret", "/")} == {
        "/reports": True,
        "/reports/": True,
        "/reports/1": True,
        "/reportsecret": False,
        "/": False,
    }


def test_a_dot_in_a_hidden_path_is_a_dot() -> None:
    said = rule("example.com", None, ["/a.b"])

    assert (leads(said, "/a.b"), leads(said, "/axb")) == (False, True)


@pytest.mark.parametrize("path", ["/reports", "/reports/", "/a.b/c_d", "/~me/@x"])
def test_a_path_has_one_spelling(path: str) -> None:
    check_path("reports", "path", path)


@pytest.mark.parametrize(
    "path", ["reports", "/", "//", "", "/a//b", "/a b", "/a%62", "/a;b", "/a?b", "/a`b", "/{{ x }}", "/a/../b", "/\n"]
)
def test_a_path_that_has_several_spellings_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path must start with a slash and name something, like /reports") as refused:
        check_path("reports", "path", path)

    assert str(refused.value).endswith(f"got {path!r}")
