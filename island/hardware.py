"""What the machine has, and how busy it is. Read by the composition root once and by every heartbeat.

No GPU, or no driver to ask, is the normal case and no news.
"""

import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil
import pynvml

from adapters.wire import WireSystem

MIB: Final = 1 << 20
GIB: Final = 1 << 30

SYSTEMS: Final = {"Linux": "linux", "Darwin": "darwin", "Windows": "windows"}
PROCESSORS: Final = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """`cpu_cores` are logical. `gpu_model` and `gpu_vram_mb` are of the first NVIDIA GPU; None without one."""

    platform: str
    cpu_cores: int
    ram_mb: int
    disk_free_mb: int
    gpu_model: str | None = None
    gpu_vram_mb: int | None = None

    @property
    def slots(self) -> int:
        """How many jobs fit side by side."""
        return max(1, min(self.cpu_cores // 2, self.ram_mb // 2048))

    def share(self, *, cpu_cores: int | None, ram_mb: int | None, with_gpu: bool) -> "Hardware":
        """What its owner lends of it; never more than there is."""
        return replace(
            self,
            cpu_cores=min(cpu_cores or self.cpu_cores, self.cpu_cores),
            ram_mb=min(ram_mb or self.ram_mb, self.ram_mb),
            gpu_model=self.gpu_model if with_gpu else None,
            gpu_vram_mb=self.gpu_vram_mb if with_gpu else None,
        )


def detect(state_folder: Path) -> Hardware:
    gpu = first_gpu()
    return Hardware(
        platform=platform_word(platform.system(), platform.machine()),
        cpu_cores=psutil.cpu_count() or 1,
        ram_mb=psutil.virtual_memory().total // MIB,
        disk_free_mb=psutil.disk_usage(str(state_folder)).free // MIB,
        gpu_model=gpu[0] if gpu else None,
        gpu_vram_mb=gpu[1] if gpu else None,
    )


def platform_word(system: str, machine: str) -> str:
    """As the protocol spells it: `linux-x86_64`. What is unknown is named as the machine names itself."""
    return f"{SYSTEMS.get(system, system.lower())}-{PROCESSORS.get(machine, machine)}"


def first_gpu() -> tuple[str, int] | None:
    """Model and memory in MiB."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        device = pynvml.nvmlDeviceGetHandleByIndex(0)
        memory_bytes: int = pynvml.nvmlDeviceGetMemoryInfo(device).total
        return str(pynvml.nvmlDeviceGetName(device)), memory_bytes // MIB
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def measure(state_folder: Path) -> WireSystem:
    """The load since the last call, for a heartbeat."""
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(state_folder))
    return WireSystem(
        cpu_percent=psutil.cpu_percent(),
        memory_used_mb=(memory.total - memory.available) // MIB,
        memory_total_mb=memory.total // MIB,
        disk_used_gb=disk.used // GIB,
        disk_total_gb=disk.total // GIB,
    )
