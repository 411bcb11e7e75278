"""The container's entry point: `python -m app [serve [--reload] | migrate | health]`.

Only the standard library is imported up here: the health check starts this module every few
seconds, so what it does not need must cost it nothing.
"""

import signal
import sys
from types import FrameType

USAGE = """\
usage: python -m app [COMMAND]

  serve            serve HTTP on port 8000 (the default)
  serve --reload   the same for development: one worker, restarted on every change of the code
  migrate          wait for the database, bring its schema up to date, create the bucket
  health           ask the server in this container how it is; exit code 0 when it is well
"""


def _end(signum: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signum)


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    if arguments == ["health"]:
        from .healthcheck import probe

        return probe()
    # As process 1 a signal without a handler is ignored, and imports take a moment.
    signal.signal(signal.SIGTERM, _end)
    match arguments:
        case [] | ["serve"]:
            from .server import serve

            return serve()
        case ["serve", "--reload"]:
            from .server import serve_reloading

            return serve_reloading()
        case ["migrate"]:
            from .migrate import migrate

            return migrate()
        case ["-h"] | ["--help"]:
            sys.stdout.write(USAGE)
            return 0
        case _:
            sys.stderr.write(f"app: unknown command {' '.join(arguments)!r}\n\n{USAGE}")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
