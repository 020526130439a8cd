"""The command's entry point: `python -m mockserver` and `ocp-mockserver` both come here.

A signal, or a stream that is closed, is seen to before anything else is imported: imports take half a second.
"""

import os
import signal
import sys


def main() -> int:
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):  # nohup
            continue
        signal.signal(number, end_now)  # a shell's background job has SIGINT ignored, and can be told all the same
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # it is closed: else the next file or socket takes its number
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  # it stays open to the end
    from mockserver.cli.main import main as command

    return command()


def end_now(number: int, _: object) -> None:
    """Until a command has its own way. Not by an exception, which an import might catch: nothing is to be tidied up."""
    os._exit(0 if sys.argv[1:2] == ["serve"] else 128 + number)


if __name__ == "__main__":
    sys.exit(main())
