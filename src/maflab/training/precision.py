"""Which number format, and whether the device that was asked for is there."""

import torch

from maflab.training.errors import DeviceError

_BF16_FEATURES = ("amx_bf16", "avx512_bf16")


def choose_precision(precision: str | int, accelerator: str) -> str | int:
    """Lightning's `precision` for the config's, which may be `auto`.

    `auto` is bf16-mixed where the device multiplies in bf16: CUDA since Ampere, CPUs with AMX or AVX-512 bf16.
    Elsewhere it is 32-true, because a CPU without them emulates bf16, some ten times slower than float32.

    Args:
        precision: `auto`, or anything that Lightning takes.
        accelerator: `cpu`, `gpu`, `cuda` or `auto`.
    """
    if precision != "auto":
        return precision
    return "bf16-mixed" if _multiplies_bf16(accelerator) else "32-true"


def check_device(accelerator: str, devices: object = 1) -> None:
    """Stop early where the GPUs that were asked for are not there.

    Raises:
        DeviceError: no CUDA device, or fewer than asked for.
    """
    if accelerator not in ("gpu", "cuda"):
        return
    if not torch.cuda.is_available():
        raise DeviceError(
            "trainer.accelerator=gpu, but torch sees no CUDA GPU on this machine; "
            "use trainer=cpu, or install the driver and a CUDA build of torch"
        )
    available = torch.cuda.device_count()
    if isinstance(devices, int) and devices > available:
        raise DeviceError(f"trainer.devices={devices}, but this machine has {available} GPU(s); ask for fewer")


def _multiplies_bf16(accelerator: str) -> bool:
    on_cuda = accelerator in ("gpu", "cuda") or (accelerator == "auto" and torch.cuda.is_available())
    if on_cuda:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(feature, False) for feature in _BF16_FEATURES)
