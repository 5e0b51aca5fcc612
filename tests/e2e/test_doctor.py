"""`manage.py doctor` from outside, where something is wrong; `test_backup` has it where all is
well, `tests/sioweb_project/doctor` each fault."""

from tests.e2e.service import Service


async def test_doctor_names_fault_and_mend_and_ends_with_1(service: Service) -> None:
    """The Redis of these tests writes to no file."""
    code, report = await service.installation.doctor()
    assert code == 1
    assert report["ok"] is False
    [finding] = [each for each in report["findings"] if each["subject"] == "redis persistence"]
    assert finding["level"] == "FAIL"
    assert finding["mend"].startswith("redis-cli CONFIG SET appendonly yes")
