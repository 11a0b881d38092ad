"""Where the answers of `verify` go: to `-o`, or standard output, and to `--report`."""

from __future__ import annotations

from collections.abc import Sequence

from actgrad.cli.answer import OutputError
from actgrad.cli.options import VerificationFormat
from actgrad.cli.show import VerifiedDump, attempts_answer, verification_answer
from actgrad.cli.verify.policy import OPTIONS
from actgrad.cli.write import Output
from actgrad.layers import ActgradError
from actgrad.layers.verify import Attempt


class Destinations:
    """Every destination of the answer; `status` is 0 if its verdict is good, else 1.

    Raises:
        OutputError: a destination is none, or its suffix names no format that the answer has.
    """

    def __init__(self, form: str | None, output: Sequence[str] | None, report: str | None) -> None:
        self._output = Output(VerificationFormat, form, output)
        if report is not None:
            self._output.targets += Output(report_formats(report), None, [report]).targets

    def deliver_dump(self, dump: VerifiedDump) -> int:
        """Deliver the verification of a dump, and return the status.

        Raises:
            ActgradError: --range leaves no element, or none fails, but a file could not be read.
        """
        dump.verification.counted.check_any(OPTIONS["within"])

        def page() -> str:
            # Imported for HTML only: it imports plots and derivations.
            from actgrad.cli.page import verification_page

            return verification_page(dump)

        self._output.deliver(verification_answer(dump).with_text("html", page))
        if not dump.verification.ok:
            return 1
        if dump.files is not None and dump.files.unread:
            lost, count = len(dump.files.unread), dump.files.number
            raise ActgradError(f"{lost} of {count} files were not verified; the others are right")
        return 0

    def deliver_attempts(self, attempts: list[Attempt]) -> int:
        """Deliver ways to compute a layer, the best first, and return the status of the best.

        Raises:
            PolicyError: --range leaves no element.
        """
        attempts[0].verification.counted.check_any(OPTIONS["within"])

        def page() -> str:
            from actgrad.cli.page import attempts_page

            return attempts_page(attempts)

        self._output.deliver(attempts_answer(attempts).with_text("html", page))
        return 0 if attempts[0].verification.ok else 1


def report_formats(file: str) -> tuple[str, str]:
    """The formats of `--report`.

    Raises:
        OutputError: the suffix of the file names neither.
    """
    if not file.lower().endswith((".csv", ".json")):
        raise OutputError(f"--report {file}: its suffix names no format", "use .csv or .json")
    return "csv", "json"
