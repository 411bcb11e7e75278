"""Declare the platform of the current stack: settings, platform, outputs."""

import pulumi

from components import SlideGeniePlatform, load_settings

settings = load_settings()
platform = SlideGeniePlatform("slidegenie", settings)
pulumi.export("url", platform.url)
