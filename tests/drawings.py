"""Drawings that the pipeline's tests interpolate."""

import torch

WIDTH, HEIGHT = 96, 72


def drawing(x, *, width=WIDTH, height=HEIGHT):
    """An outlined red box at column ``x`` before a shaded sky and a hill: (1, 3, H, W)."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    shade = 0.8 - 0.2 * columns / width
    frame = torch.stack([shade * 0.8, shade * 0.9, shade])
    hill = rows - height * 0.75 + (columns - 20).square() / 400
    frame[:, hill > 0] = torch.tensor([0.35, 0.6, 0.3])[:, None]
    frame[:, hill.abs() < 1] = 0.1
    inside = ((rows - 36).abs() <= 14) & ((columns - x).abs() <= 12)
    deep = ((rows - 36).abs() <= 12) & ((columns - x).abs() <= 10)
    frame[:, inside] = 0.05
    frame[:, deep] = torch.tensor([0.9, 0.2, 0.2])[:, None]
    return frame[None].contiguous()


def box_alpha(x, *, width=WIDTH, height=HEIGHT):
    """The box of ``drawing`` cut out: (1, 4, H, W), and hidden green where nothing is to be seen."""
    frame = drawing(x, width=width, height=height)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    alpha = (((rows - 36).abs() <= 14) & ((columns - x).abs() <= 12)).float()
    green = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1)
    return torch.cat([torch.where(alpha > 0, frame, green), alpha[None, None]], dim=1)
