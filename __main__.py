"""Declare the platform of the current stack: settings, platform, outputs."""

import pulumi

from components import SlideGeniePlatform, SlideGeniePlatformArgs, load_settings

settings = load_settings()
platform = SlideGeniePlatform("slidegenie", SlideGeniePlatformArgs(settings=settings))

# A further service of your own goes here: WebService("reports", WebServiceArgs(...)), see examples/platform-team.

pulumi.export("platform", platform.url)
pulumi.export("api", f"{platform.url}/api/v1/openapi.json")
pulumi.export("backend", platform.backend_url)
for service, port in settings.monitoring.published().items():
    pulumi.export(service, f"http://127.0.0.1:{port}")
pulumi.export("authority", platform.proxy.authority)
pulumi.export("releases", platform.releases)
