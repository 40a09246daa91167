"""What the machine is said to have."""

from dataclasses import replace
from pathlib import Path

import psutil
import pynvml
import pytest

from island.hardware import Hardware, detect, first_gpu, measure, platform_word


def made(cpu_cores: int, ram_mb: int) -> Hardware:
    return Hardware(platform="linux-x86_64", cpu_cores=cpu_cores, ram_mb=ram_mb, disk_free_mb=1)


@pytest.mark.parametrize(
    ("cpu_cores", "ram_mb", "slots"),
    [(1, 512, 1), (2, 65_536, 1), (8, 4096, 2), (8, 65_536, 4), (9, 65_536, 4)],
)
def test_slots_are_half_the_cores_and_one_for_two_gigabytes(cpu_cores: int, ram_mb: int, slots: int) -> None:
    assert made(cpu_cores, ram_mb).slots == slots


@pytest.mark.parametrize(
    ("system", "machine", "word"),
    [
        ("Linux", "x86_64", "linux-x86_64"),
        ("Linux", "aarch64", "linux-aarch64"),
        ("Darwin", "arm64", "darwin-aarch64"),
        ("Windows", "AMD64", "windows-x86_64"),
        ("Plan9", "mips", "plan9-mips"),
    ],
)
def test_a_platform_is_spelled_as_the_protocol_does(system: str, machine: str, word: str) -> None:
    assert platform_word(system, machine) == word


def test_this_machine_is_found(tmp_path: Path) -> None:
    found = detect(tmp_path)
    assert found.cpu_cores == psutil.cpu_count()
    assert found.ram_mb > 0
    assert found.disk_free_mb > 0
    assert measure(tmp_path).memory_total_mb == found.ram_mb


def test_no_gpu_is_no_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", refuse)
    found = detect(tmp_path)
    assert (found.gpu_model, found.gpu_vram_mb) == (None, None)


def test_a_driver_without_a_device_is_shut_down_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def no_device(_index: int) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: calls.append("init"))
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: calls.append("shutdown"))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", no_device)
    assert first_gpu() is None
    assert calls == ["init", "shutdown"]


def test_an_owner_lends_a_share_and_never_more_than_there_is() -> None:
    whole = replace(made(8, 16_384), gpu_model="Some GPU", gpu_vram_mb=24_576)
    share = whole.share(cpu_cores=4, ram_mb=4096, with_gpu=False)
    assert (share.cpu_cores, share.ram_mb, share.slots) == (4, 4096, 2)
    assert (share.gpu_model, share.gpu_vram_mb) == (None, None)
    assert whole.share(cpu_cores=99, ram_mb=99_999, with_gpu=True) == whole
    assert whole.share(cpu_cores=None, ram_mb=None, with_gpu=True) == whole
