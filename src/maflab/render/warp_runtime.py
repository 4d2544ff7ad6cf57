"""Starts warp late and quietly, and says which devices rays can be cast on."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib import import_module
from types import ModuleType

import torch

from maflab.silence import silent_stderr


def present_device(device: torch.device) -> torch.device:
    """The device with its index, if this machine has it."""
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type != "cuda":
        raise ValueError(f"rays are cast on 'cpu' or 'cuda', not on '{device}': move the vertices to one of them.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = device.index
    if index is None:
        index = torch.cuda.current_device() if count else 0
    if index >= count:
        raise ValueError(f"device '{device}' is not there, this machine has {count} CUDA devices: use device='cpu'.")
    return torch.device("cuda", index)


@cache
def start_warp() -> ModuleType:
    """Warp, imported late because that takes most of a second, and kept from printing a banner."""
    import warp

    warp.config.log_level = warp.LOG_WARNING
    with (
        nullcontext() if torch.cuda.is_available() else silent_stderr()
    ):  # it warns of a missing driver where none is needed
        warp.init()
    return warp


@cache
def load_kernels(name: str, device: str) -> ModuleType:
    """A module of kernels of this room, compiled for the device or read from warp's cache.

    Done before threads ask for them, and only once warp is quiet.
    """
    wp = start_warp()
    kernels = import_module(f"maflab.render.{name}")
    wp.load_module(kernels, device=device)
    return kernels


def torch_stream(device: torch.device) -> AbstractContextManager:
    """Queue warp's launches behind torch's work on a CUDA device; nothing on the CPU, where launches are immediate."""
    if device.type != "cuda":
        return nullcontext()
    wp = start_warp()
    return wp.ScopedStream(wp.stream_from_torch(torch.cuda.current_stream(device)))
