"""Text for Go's template engine, which Traefik and Alertmanager run over what they are told."""


def literally(text: str) -> str:
    """Return `text` so that the engine writes it as it is, whatever braces it has."""
    # Only this begins an action; what ends one is text everywhere else.
    return text.replace("{{", '{{"{{"}}')
