"""In CI a test may skip only for want of what no checkout can bring along."""

import os

import pytest

NO_MEDIA = "the folder of real test files is not there"
NO_WATCHING = "this kernel lets nobody watch system calls"
AS_ROOT, AS_ROOT_READS = "root may write everywhere", "root may read everything"
ALLOWED = (NO_MEDIA, NO_WATCHING, AS_ROOT, AS_ROOT_READS)

skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in ALLOWED):
            skipped.append(f"{report.nodeid}: {reason}")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if os.environ.get("CI") and skipped:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("CI") and skipped:
        terminalreporter.section("skipped for a reason that CI does not accept")
        for line in skipped:
            terminalreporter.line(line)
