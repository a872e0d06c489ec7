"""Tables of a study's networks: how exactly they are the law, and how large they are."""

from studies.report import Table
from studies.result import StudyResult


def network_table(result: StudyResult) -> Table:
    """Return how exactly the networks are the law before training."""
    rows = []
    for name, check in result.checks.items():
        points = ", ".join(f"{count:,} {kind}" for kind, count in check["points"].items())
        rows.append((name, f"{check['max_error']:.1e}", points))
    note = "The worst difference from the law in shares of the input's range, before training, over the points named."
    return Table("Networks against the law", ("network", "worst error", "points tried"), tuple(rows), note=note)


def size_table(result: StudyResult) -> Table:
    """Return how many trainable weights the networks have, and the discount that they learned with."""
    rows = tuple((m.name, m.actor_weights, m.critic_weights, f"{m.discount:g}") for m in result.methods)
    note = "Trainable weights of one seed. The frozen law inside the YANN actor is not counted."
    return Table("Sizes of the networks", ("method", "actor", "critic", "discount"), rows, note=note)
