"""The reports team's stack: the SlideGenie platform with one service of their own on it."""

import pulumi
import slidegenie_platform as slidegenie

settings = slidegenie.load_settings()
platform = slidegenie.SlideGeniePlatform("platform", slidegenie.SlideGeniePlatformArgs(settings=settings))
pulumi.export("releases", platform.releases)

image = slidegenie.BuiltImage(
    "reports",
    slidegenie.BuiltImageArgs(
        tag="reports:1",
        context="reports",
        dockerfile="reports/Dockerfile",
        build_args={"PYTHON_IMAGE": settings.images.python_debian},
    ),
)
slidegenie.WebService(
    "reports",
    slidegenie.WebServiceArgs(
        foundation=platform.foundation,
        proxy=platform.proxy,
        service="reports",
        image=image.id_on_engine,
        port=9000,
        path="/reports",
        limits=slidegenie.Limits(memory_mib=64, cpus=0.5, pids=32),
        health=slidegenie.HealthCheck(command=["python3", "/srv/server.py", "health"], interval_seconds=2),
        grace_seconds=15,
    ),
)
