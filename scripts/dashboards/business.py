"""Business Metrics: is the product used, does it keep its promise to those who use it, what does that cost?"""

from .builder import Board, Panel, Row

_APP = 'job="app"'

BUSINESS = Board(
    uid="business-metrics",
    title="Business Metrics",
    about="Is the product used, does it work for those who use it, and how much room does that take?",
    rows=(
        Row(
            title="Use",
            empty="Nothing was made yet.",
            panels=(
                Panel(
                    title="Presentations made today",
                    why="The one number that says whether the product is used.",
                    queries={"made": f"sum(increase(slidegenie_presentations_created_total{{{_APP}}}[24h]))"},
                    unit="none",
                    kind="stat",
                    width=6,
                    height=5,
                ),
                Panel(
                    title="Slides made today",
                    why="Grows faster than presentations: people make longer ones, and generation takes longer.",
                    queries={"slides": f"sum(increase(slidegenie_slides_created_total{{{_APP}}}[24h]))"},
                    unit="none",
                    kind="stat",
                    width=6,
                    height=5,
                ),
                Panel(
                    title="Presentations kept",
                    why="What users rely on being there tomorrow.",
                    queries={"kept": f"max(slidegenie_presentations{{{_APP}}})"},
                    empty="No replica answers",
                    unit="none",
                    kind="stat",
                    width=6,
                    height=5,
                ),
                Panel(
                    title="Storage used",
                    why="What is paid for. Compare with the room left under Infrastructure.",
                    queries={"used": f"max(slidegenie_storage_bytes{{{_APP}}})"},
                    empty="No replica answers",
                    unit="bytes",
                    kind="stat",
                    width=6,
                    height=5,
                ),
                Panel(
                    title="Made, downloaded, deleted",
                    why="Made and never downloaded: people do not like what they get.",
                    queries={
                        "made": f"sum(increase(slidegenie_presentations_created_total{{{_APP}}}[1h]))",
                        "downloaded": f"sum(increase(slidegenie_downloads_total{{{_APP}}}[1h]))",
                        "deleted": f"sum(increase(slidegenie_presentations_deleted_total{{{_APP}}}[1h]))",
                    },
                    unit="none",
                    width=12,
                ),
                Panel(
                    title="Connections of users",
                    why="People with the product open, at the edge; the application knows no accounts to count.",
                    queries={"connections": 'sum(traefik_open_connections{entrypoint="websecure"})'},
                    empty="The edge does not answer Prometheus.",
                    unit="none",
                    width=12,
                ),
            ),
        ),
        Row(
            title="Promise",
            empty="Nothing was made yet.",
            panels=(
                Panel(
                    title="Time to make a presentation",
                    why="What a user waits for. Above some seconds they leave.",
                    queries={
                        name: (
                            f"histogram_quantile({share}, sum by (le)"
                            f" (rate(slidegenie_generation_duration_seconds_bucket{{{_APP}}}[$__rate_interval]))) >= 0"
                        )
                        for name, share in (("half of them", 0.5), ("95 %", 0.95), ("99 %", 0.99))
                    },
                    unit="s",
                    alerts=("LatencyBudgetBurn",),
                    width=12,
                ),
                Panel(
                    title="Failures by reason",
                    why="Users who did not get what they came for, and whose turn it is to fix it.",
                    queries={
                        "{{operation}}: {{reason}}": (
                            "sum by (operation, reason) (increase(slidegenie_failures_total"
                            f"{{{_APP}}}[1h])) > 0 or 0 * sum(up{{{_APP}}})"
                        )
                    },
                    empty="No replica answers Prometheus.",
                    unit="none",
                    alerts=("AvailabilityBudgetBurn",),
                    width=12,
                ),
            ),
        ),
        Row(
            title="Growth",
            empty="Nothing was made yet.",
            panels=(
                Panel(
                    title="Storage used, and in 30 days",
                    why="When to buy room.",
                    queries={
                        "used": f"max(slidegenie_storage_bytes{{{_APP}}})",
                        "in 30 days, growing as now": (
                            f"max(predict_linear(slidegenie_storage_bytes{{{_APP}}}[6h], 30 * 86400))"
                        ),
                    },
                    empty="No replica answers Prometheus.",
                    unit="bytes",
                    alerts=("StorageAlmostFull",),
                    width=12,
                ),
                Panel(
                    title="Size of a presentation",
                    why="Grows: pictures get larger, downloads slower and storage dearer.",
                    queries={
                        "average": (
                            f"sum(rate(slidegenie_stored_bytes_total{{{_APP}}}[1h]))"
                            f" / (sum(rate(slidegenie_presentations_created_total{{{_APP}}}[1h])) > 0)"
                        )
                    },
                    unit="bytes",
                    width=12,
                ),
            ),
        ),
    ),
)
