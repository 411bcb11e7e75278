"""The reports team's stack: the SlideGenie platform with one service of their own on it."""

from slidegenie_platform import (
    BuiltImage,
    BuiltImageArgs,
    HealthCheck,
    Limits,
    SlideGeniePlatform,
    SlideGeniePlatformArgs,
    WebService,
    WebServiceArgs,
    load_settings,
)

settings = load_settings()
platform = SlideGeniePlatform("platform", SlideGeniePlatformArgs(settings=settings))
image = BuiltImage(
    "reports",
    BuiltImageArgs(
        tag="reports:1",
        context="reports",
        dockerfile="reports/Dockerfile",
        build_args={"PYTHON_IMAGE": settings.images.python_debian},
    ),
)
WebService(
    "reports",
    WebServiceArgs(
        foundation=platform.foundation,
        proxy=platform.proxy,
        service="reports",
        image=image.id_on_engine,
        port=9000,
        path="/reports",
        limits=Limits(memory_mib=64, cpus=0.5, pids=32),
        health=HealthCheck(command=["python3", "/srv/server.py", "health"], interval_seconds=2),
        grace_seconds=15,
    ),
)
