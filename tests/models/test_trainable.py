"""What an optimizer remembers, carried from one memory layout to another."""

import copy

import pytest
import torch
from torch import nn

from maflab.models.trainable import match_layouts

LAYOUTS = (torch.contiguous_format, torch.channels_last)


def _step(layer: nn.Conv2d, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    layer(torch.linspace(-1, 1, 3 * 36).reshape(1, 3, 6, 6)).sin().sum().backward()
    optimizer.step()


@pytest.mark.parametrize("before", LAYOUTS)
@pytest.mark.parametrize("after", LAYOUTS)
def test_a_fused_optimizer_goes_on_in_another_layout_as_one_that_is_not_fused(
    before: torch.memory_format, after: torch.memory_format
) -> None:
    layers = []
    for fused in (False, True):
        torch.manual_seed(0)
        layer = nn.Conv2d(3, 4, 3).to(memory_format=before)
        optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=fused)
        _step(layer, optimizer)
        saved = copy.deepcopy(optimizer.state_dict())
        layer = copy.deepcopy(layer).to(memory_format=after)
        optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, fused=fused)
        optimizer.load_state_dict(saved)
        if fused:
            match_layouts(optimizer)
        _step(layer, optimizer)
        layers.append(layer)
    torch.testing.assert_close(layers[1].weight, layers[0].weight, atol=1e-6, rtol=0)
