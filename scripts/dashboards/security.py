"""Security Metrics: is what runs what was checked, who is turned away, what ends soon?"""

from .builder import Board, Panel, Row

_EDGE = "traefik_router_requests_total"
"""Of routers: what a limit refuses never reaches a service."""

SECURITY = Board(
    uid="security-metrics",
    title="Security Metrics",
    about="Is what runs still what was scanned and signed, who is turned away, and what ends soon?",
    rows=(
        Row(
            title="Images",
            empty="No image was scanned yet: make scan.",
            panels=(
                Panel(
                    title="Findings by image and severity",
                    why="Critical: renew the base image and roll out today. From the last scan.",
                    queries={"{{image}} {{severity}}": "sum by (image, severity) (slidegenie_scan_findings)"},
                    unit="none",
                    kind="table",
                    alerts=("CriticalFinding",),
                    width=12,
                ),
                Panel(
                    title="Age of the last scan",
                    why="Above a day the table on the left is not about today.",
                    queries={"{{image}}": "time() - slidegenie_scan_timestamp_seconds"},
                    unit="s",
                    kind="bargauge",
                    alerts=("ScanTooOld", "ScanNeverRan"),
                    steps=((93600, "red"),),
                    width=6,
                ),
                Panel(
                    title="Images whose signature verifies",
                    why="0: nobody vouches for what runs.",
                    queries={"{{image}}": "slidegenie_image_verified"},
                    unit="none",
                    kind="bargauge",
                    alerts=("ImageNotVerified",),
                    base="red",
                    steps=((1, "green"),),
                    width=6,
                ),
                Panel(
                    title="Signatures",
                    why=(
                        "Unsigned: it does not run by a digest, so no signature holds it. Unchecked: its key is in the"
                        " encrypted state, which the scan does not open."
                    ),
                    queries={"{{image}} {{state}}": "max by (image, state) (slidegenie_image_signature)"},
                    unit="none",
                    kind="table",
                    width=24,
                ),
            ),
        ),
        Row(
            title="Who is turned away",
            empty="Nobody asked for anything yet.",
            panels=(
                Panel(
                    title="401, 403 and 429 at the edge",
                    why="A burst of 401 is guessed passwords; 429 in numbers is a limit that is too low, or an attack.",
                    queries={
                        "{{service}} {{code}}": (
                            f'sum by (service, code) (rate({_EDGE}{{code=~"401|403|429"}}[$__rate_interval]))'
                            f" or 0 * sum by (service) (rate({_EDGE}[$__rate_interval]))"
                        )
                    },
                    unit="reqps",
                    alerts=("ManyRequestsRejected",),
                    steps=((2, "red"),),
                    width=12,
                ),
                Panel(
                    title="Failed logins",
                    why="Grafana is the one place with a login. Many: look at the edge's access log.",
                    queries={
                        "{{service}}": (
                            f'sum by (service) (increase({_EDGE}{{service=~"grafana.*", code="401"}}[1h]))'
                            f' or 0 * sum(up{{job="traefik"}})'
                        )
                    },
                    unit="none",
                    alerts=("ManyRequestsRejected",),
                    width=6,
                ),
                Panel(
                    title="Requests to storage with wrong keys",
                    why="Only the application knows them: anything here is somebody else inside the network.",
                    queries={"rejected": 'sum(increase(minio_s3_requests_rejected_auth_total{job="minio"}[1h]))'},
                    empty="No storage of the platform's own, or nobody asked it yet.",
                    unit="none",
                    width=6,
                ),
            ),
        ),
        Row(
            title="What ends, what strays",
            empty="Nothing is known yet.",
            panels=(
                Panel(
                    title="Days until certificates end",
                    why="Below 21 the renewal did not work: fix it before users see a warning.",
                    queries={"{{cn}} {{sans}}": "(max by (cn, sans) (traefik_tls_certs_not_after) - time()) / 86400"},
                    empty="The edge serves no certificate yet.",
                    unit="d",
                    kind="bargauge",
                    alerts=("CertificateExpiresSoon",),
                    base="red",
                    steps=((21, "green"),),
                    width=8,
                ),
                Panel(
                    title="Rules of the policy that containers break",
                    why="Anything but 0 was changed by hand; a rollout puts it right.",
                    queries={"{{container}}": "slidegenie_policy_violations"},
                    empty="No container was judged yet: make scan.",
                    unit="none",
                    kind="bargauge",
                    alerts=("PolicyViolated",),
                    steps=((1, "red"),),
                    width=8,
                ),
                Panel(
                    title="Containers without a memory limit",
                    why="None of ours is made so: what is here was made by hand. From cAdvisor.",
                    queries={"without": 'count(container_spec_memory_limit_bytes{stack!=""} == 0) or vector(0)'},
                    unit="none",
                    kind="stat",
                    alerts=("ContainerWithoutMemoryLimit",),
                    steps=((1, "red"),),
                    width=8,
                ),
            ),
        ),
    ),
)
