"""How fast a machine runs language models, estimated from its GPU's memory bandwidth.

A model is read once from memory for each token, so bandwidth bounds the speed. Called by the fleet when an island
registers, and by the score where no engine has measured the speed itself. Whole numbers only, so that the same machine
is always worth the same.
"""

import re
from typing import Final

DEFAULT_GB_S: Final = 200
GB_S_PER_GIB: Final = 40  # For GPUs that the table does not know.
MODEL_MB: Final = (
    4608  # A model of 7 billion parameters in 4 bits, 4.5 GiB: what is assumed of cargos that tell none.
)
EFFICIENCY_PERCENT: Final = 55
WHOLE_TENTHS: Final = 10  # The model lies in GPU memory.
PARTLY_TENTHS: Final = 5  # It does not fit.
UNKNOWN_TENTHS: Final = 3  # Nobody told how much memory the GPU has.
CPU_MODEL_MB_MAX: Final = 1536  # Up to here a model is small (1.1 billion parameters) for a CPU.
CPU_TOKENS_S: Final = 1
CPU_SMALL_TOKENS_S_PER_12_CORES: Final = 30
VENDORS: Final = re.compile(r"\b(nvidia|geforce|amd|radeon|intel)\b")

# Vendors' figures in GB/s. Names before one number share it.
TABLE: Final = """
h100, h100 sxm 3350; h100 pcie 2039; h200 4800; a100, a100 80gb 2039; a100 40gb 1555; a40 696; a30 933
a10, a10g 600; l40, l40s 864; l4 300; v100 900; t4 320; p100 732
a6000, a5000 768; a4000 448
5090 1792; 5080 960; 5070 ti 896; 5070 672; 4090 1008; 4080 super 736; 4080 716.8
4070 ti super 672; 4070 ti, 4070 super, 4070 504; 4060 ti 288; 4060 272
3090 ti 1008; 3090 936.2; 3080 ti 912.4; 3080 760.3; 3070 ti 608.3; 3070 448
3060 ti 448; 3060 360; 3050 224; titan rtx 672; 2080 ti 616; 2080 super 496; 2080 448
2070 super, 2070 448; 2060 super 448; 2060 336
1080 ti 484; 1080 320; 1070 ti, 1070 256.3; 1060 192; 1660 super 336; 1660 ti 288
1660 192; 1650 super 192; 1650 128
7900 xtx 960; 7900 xt 800; 7800 xt 624; 7700 xt 432; 7600 288; 6950 xt 576
6900 xt, 6800 xt, 6800 512; 6700 xt 384; 6600 xt 256; 6600 224
mi300x 5300; mi250x, mi250 3276; mi210 1638; mi100 1228; a770 560; a750 512; a380 186
m4 ultra 819.2; m4 max 546; m4 pro 273; m4 120; m3 ultra 800; m3 max 400; m3 pro 150; m3 100
m2 ultra 800; m2 max 400; m2 pro 200; m2 100; m1 ultra 800; m1 max 400; m1 pro 200; m1 68.25
"""


def parsed(table: str) -> dict[str, int]:
    """MB/s by name."""
    found: dict[str, int] = {}
    for entry in table.replace("\n", ";").split(";"):
        names, _, gb_s = entry.strip().rpartition(" ")
        found |= {name.strip(): round(float(gb_s) * 1000) for name in names.split(",") if name.strip()}
    return found


BANDWIDTH_MB_S: Final = parsed(TABLE.strip())
LONGEST_FIRST: Final = sorted(BANDWIDTH_MB_S, key=lambda name: (-len(name), name))


def bandwidth_mb_s(gpu_model: str | None, gpu_vram_mb: int) -> int:
    """Of a GPU by its name, else by its memory; 0 for a machine without one."""
    if gpu_model is None and not gpu_vram_mb:
        return 0
    name = " ".join(VENDORS.sub(" ", (gpu_model or "").lower()).split())
    known = next((key for key in LONGEST_FIRST if key in name), None)
    if known is not None:
        return BANDWIDTH_MB_S[known]
    return gpu_vram_mb * GB_S_PER_GIB * 1000 // 1024 if gpu_vram_mb else DEFAULT_GB_S * 1000


def tokens_per_s(gpu_bandwidth_mb_s: int, gpu_vram_mb: int, cpu_cores: int, model_mb: int) -> int:
    """An estimate for a model of `model_mb`, or for the usual one where that is 0."""
    model_mb = model_mb or MODEL_MB
    if not gpu_bandwidth_mb_s:
        return cpu_tokens_per_s(cpu_cores, model_mb)
    # GB/s are thousands of MB/s, and a model of 1024 MiB is counted as one GB.
    read = gpu_bandwidth_mb_s * 1024 * EFFICIENCY_PERCENT * mode_tenths(gpu_vram_mb, model_mb)
    return rounded(read, model_mb * 1_000_000)


def mode_tenths(gpu_vram_mb: int, model_mb: int) -> int:
    if not gpu_vram_mb:
        return UNKNOWN_TENTHS
    return WHOLE_TENTHS if gpu_vram_mb >= model_mb else PARTLY_TENTHS


def cpu_tokens_per_s(cpu_cores: int, model_mb: int) -> int:
    if model_mb > CPU_MODEL_MB_MAX:
        return CPU_TOKENS_S
    return max(CPU_TOKENS_S, cpu_cores * CPU_SMALL_TOKENS_S_PER_12_CORES // 12)


def rounded(numerator: int, denominator: int) -> int:
    """The nearest whole number to a fraction, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)
