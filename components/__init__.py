from .platform import SlideGeniePlatform
from .settings import load_settings
