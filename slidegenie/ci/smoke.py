"""Whether what was rolled out answers, asked as a visitor asks."""

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

from ..console import Problem, info

_PAUSE_SECONDS, _TIMEOUT_SECONDS = 1, 10


def check_answers(urls: Sequence[str], authority: str | None, patience_seconds: float = 60) -> None:
    """Ask each address until it answers well; `authority` is a certificate in PEM that counts beside the system's.

    Raises:
        Problem: when one does not within the patience, with what it said last.
    """
    trust = ssl.create_default_context()
    if authority:
        trust.load_verify_locations(cadata=authority)
    deadline = time.monotonic() + patience_seconds
    for url in urls:
        while why := _fault(url, trust):
            if time.monotonic() > deadline:
                raise Problem(f"smoke check: {url} {why}")
            time.sleep(_PAUSE_SECONDS)
        info(f"smoke check: {url} answers")


def _fault(url: str, trust: ssl.SSLContext) -> str | None:
    """Return what is wrong with the answer of an address; `None` where nothing is."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS, context=trust):  # noqa: S310 - an operator's own
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return f"answers {error.code}"
    except OSError as error:
        return f"does not answer: {error}"
