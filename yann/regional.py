"""Linear maps with one weight per region, of which each row uses its own region's: gathered, never masked."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

FEW_REGIONS = 24
"""Up to here one product over all regions beats fetching each row's weights (measured, 10 x 64 rows, 16 wide)."""


def pick(values: Float[Tensor, "S B p k"], region: Int64[Tensor, "S B"]) -> Float[Tensor, "S B k"]:
    """Return values[s, b, region[s, b]] (S, B, k) of values (S, B, p, k) at regions (S, B)."""
    index = region[..., None, None].expand(*region.shape, 1, values.shape[-1])
    return values.gather(2, index).squeeze(2)


def regional_product(
    rows: Float[Tensor, "S B j"], weight: Float[Tensor, "S p k j"], region: Int64[Tensor, "S B"]
) -> Float[Tensor, "S B k"]:
    """Return W[region] x (S, B, k) for rows x (S, B, j) and one weight per member and region, W (S, p, k, j).

    Only the weights of the regions that occur get a gradient other than zero.
    """
    members, regions = weight.shape[:2]
    if regions <= FEW_REGIONS:
        every = torch.bmm(rows, weight.flatten(1, 2).mT)
        return pick(every.unflatten(-1, weight.shape[1:3]), region)
    first = torch.arange(members).unsqueeze(-1) * regions
    fetched = weight.flatten(0, 1).index_select(0, (first + region).flatten())
    return (fetched @ rows.reshape(-1, rows.shape[-1], 1)).reshape(*region.shape, -1)


def regional_bias(bias: Float[Tensor, "S p k"], region: Int64[Tensor, "S B"]) -> Float[Tensor, "S B k"]:
    """Return bias[s, region[s, b]] (S, B, k) of one bias per member and region (S, p, k)."""
    return bias.gather(1, region.unsqueeze(-1).expand(*region.shape, bias.shape[-1]))
