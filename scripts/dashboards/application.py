"""Application Performance: is it good for users now, and if not, where does it come from?"""

from .builder import Board, Panel, Row, Variable

_APP = 'job="app", instance=~"$instance"'
_USERS = f'{_APP}, route=~"$route", route!~"/health/.*|/metrics"'
_EDGE = 'service="app@docker"'


def _quantile(share: float) -> str:
    return (
        f"histogram_quantile({share}, sum by (le)"
        # Where there was no request there is no quantile, which is not a number.
        f" (rate(http_request_duration_seconds_bucket{{{_USERS}}}[$__rate_interval]))) >= 0"
    )


APPLICATION = Board(
    uid="application-performance",
    title="Application Performance",
    about="Is the product good for its users now? If not: which route, since which release, for want of what?",
    variables=(
        Variable(name="instance", label="Replica", query='label_values(up{job="app"}, instance)'),
        Variable(name="route", label="Route", query='label_values(http_requests_total{job="app"}, route)'),
    ),
    rows=(
        Row(
            title="Promises",
            empty="No requests yet.",
            panels=(
                Panel(
                    title="Availability over an hour",
                    why="Below 99.9 % the budget shrinks. At once: roll back if a release is marked below.",
                    queries={"available": "1 - (slo:availability_errors:ratio_rate1h >= 0)"},
                    empty="No requests within the hour",
                    unit="percentunit",
                    kind="stat",
                    alerts=("AvailabilityBudgetBurn",),
                    base="red",
                    steps=((1 - 14.4 * 0.001, "orange"), (0.999, "green")),
                    width=6,
                    height=4,
                    least=None,
                ),
                Panel(
                    title="Within 0.5 s over an hour",
                    why="Below 95 % users wait. Look at the routes and the dependencies below.",
                    queries={"fast": "1 - (slo:latency_slow:ratio_rate1h >= 0)"},
                    empty="No requests within the hour",
                    unit="percentunit",
                    kind="stat",
                    alerts=("LatencyBudgetBurn",),
                    base="red",
                    steps=((1 - 14.4 * 0.05, "orange"), (0.95, "green")),
                    width=6,
                    height=4,
                    least=None,
                ),
                Panel(
                    title="Replicas that answer",
                    why="Fewer than configured: a rollout is under way, or one died. 0: nobody is served.",
                    queries={"replicas": f"sum(up{{{_APP}}}) or vector(0)"},
                    unit="none",
                    kind="stat",
                    alerts=("AppMissing",),
                    base="red",
                    steps=((1, "green"),),
                    width=6,
                    height=4,
                ),
                Panel(
                    title="Releases that run",
                    why="Two at once is a rollout; two for long is a rollout that hangs.",
                    queries={"{{release}}": f"count by (release) (slidegenie_build_info{{{_APP}}})"},
                    empty="No replica answers",
                    unit="none",
                    kind="stat",
                    width=6,
                    height=4,
                ),
                Panel(
                    title="How fast the availability budget burns",
                    why="1 lasts for 30 days, 14.4 for two. All windows high: it goes on; only long ones: it is over.",
                    queries={
                        "5 minutes": "slo:availability_errors:ratio_rate5m / 0.001 >= 0",
                        "1 hour": "slo:availability_errors:ratio_rate1h / 0.001 >= 0",
                        "6 hours": "slo:availability_errors:ratio_rate6h / 0.001 >= 0",
                    },
                    unit="none",
                    alerts=("AvailabilityBudgetBurn",),
                    steps=((1, "orange"), (14.4, "red")),
                    width=12,
                ),
                Panel(
                    title="How fast the latency budget burns",
                    why="As on the left, for requests that take longer than 0.5 s.",
                    queries={
                        "5 minutes": "slo:latency_slow:ratio_rate5m / 0.05 >= 0",
                        "1 hour": "slo:latency_slow:ratio_rate1h / 0.05 >= 0",
                        "6 hours": "slo:latency_slow:ratio_rate6h / 0.05 >= 0",
                    },
                    unit="none",
                    alerts=("LatencyBudgetBurn",),
                    steps=((1, "orange"), (14.4, "red")),
                    width=12,
                ),
            ),
        ),
        Row(
            title="Rate, errors, duration",
            empty="No requests yet.",
            panels=(
                Panel(
                    title="Requests by route",
                    why="What users do. A route that falls to nothing is broken, or hidden by the edge.",
                    queries={
                        "{{method}} {{route}}": (
                            f"sum by (method, route) (rate(http_requests_total{{{_USERS}}}[$__rate_interval]))"
                        )
                    },
                    unit="reqps",
                ),
                Panel(
                    title="Errors by route",
                    why="Which route fails: 5xx is ours, 4xx in numbers is a client that was never told.",
                    queries={
                        "{{route}} {{status}}": (
                            "sum by (route, status)"
                            f' (rate(http_requests_total{{{_USERS}, status=~"[45].."}}[$__rate_interval]))'
                            f" or 0 * sum by (route, status) (rate(http_requests_total{{{_USERS}}}[$__rate_interval]))"
                        )
                    },
                    unit="reqps",
                    alerts=("AvailabilityBudgetBurn",),
                ),
                Panel(
                    title="Duration",
                    why="The median tells of everybody, the 99th of those who complain first.",
                    queries={"50 %": _quantile(0.5), "95 %": _quantile(0.95), "99 %": _quantile(0.99)},
                    unit="s",
                    alerts=("LatencyBudgetBurn",),
                    steps=((0.5, "red"),),
                ),
                Panel(
                    title="Slowest routes (95 %)",
                    why="Where work on speed pays.",
                    queries={
                        "{{route}}": (
                            "topk(5, histogram_quantile(0.95, sum by (route, le)"
                            f" (rate(http_request_duration_seconds_bucket{{{_USERS}}}[$__rate_interval]))) >= 0)"
                        )
                    },
                    unit="s",
                    alerts=("LatencyBudgetBurn",),
                ),
                Panel(
                    title="What users get, at the edge",
                    why="Errors here and none in the application: it did not answer at all.",
                    queries={
                        "{{code}}": f"sum by (code) (rate(traefik_router_requests_total{{{_EDGE}}}[$__rate_interval]))"
                    },
                    unit="reqps",
                    alerts=("AvailabilityBudgetBurn",),
                ),
                Panel(
                    title="Failures by reason",
                    why="The first thing to read in an outage: what failed, and why.",
                    queries={
                        "{{operation}}: {{reason}}": (
                            "sum by (operation, reason) (rate(slidegenie_failures_total"
                            f"{{{_APP}}}[$__rate_interval])) > 0 or 0 * sum(up{{{_APP}}})"
                        )
                    },
                    empty="No replica answers Prometheus.",
                    unit="ops",
                    alerts=("AvailabilityBudgetBurn",),
                ),
            ),
        ),
        Row(
            title="Saturation and dependencies",
            empty="No replica answers Prometheus.",
            panels=(
                Panel(
                    title="Requests under way",
                    why="Grows while the rate does not: they wait. Add replicas only if processors are busy.",
                    queries={"{{instance}}": f"sum by (instance) (http_requests_in_flight{{{_APP}}})"},
                    unit="none",
                ),
                Panel(
                    title="Processor time by container",
                    why="Near the limit: more replicas or a higher limit. From cAdvisor.",
                    queries={"{{name}}": 'container:cpu_utilisation:ratio_rate5m{service="app"}'},
                    empty="cAdvisor does not run here, or was not read for five minutes yet.",
                    unit="percentunit",
                    alerts=("ContainerThrottled",),
                ),
                Panel(
                    title="Workers started",
                    why="Steady is good. A climb is workers that die and are replaced.",
                    queries={"{{instance}}": f"slidegenie_worker_starts_total{{{_APP}}}"},
                    unit="none",
                    alerts=("WorkersRestarting",),
                ),
                Panel(
                    title="Dependencies that answer",
                    why="1 is reached by every worker. 0: requests that need it get 503.",
                    queries={"{{dependency}}": f"min by (dependency) (slidegenie_dependency_up{{{_APP}}})"},
                    unit="none",
                    alerts=("DependencyDown",),
                    width=12,
                ),
                Panel(
                    title="How long dependencies take to answer",
                    why="Climbs before requests get slow. The slowest worker's last check.",
                    queries={
                        "{{dependency}}": f"max by (dependency) (slidegenie_dependency_latency_seconds{{{_APP}}})"
                    },
                    unit="s",
                    alerts=("DependencyDown",),
                    width=12,
                ),
            ),
        ),
    ),
)
