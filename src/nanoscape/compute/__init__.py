"""How we compute: bounded, cancellable, and always with the same answer."""

from nanoscape.compute.blocks import (
    Block,
    map_blocks,
    map_reduce_blocks,
    reduce_blocks,
)
from nanoscape.compute.distance_transform import distance_transform
from nanoscape.compute.executor import Cluster, Executor, Threads, using
from nanoscape.compute.label import keep_labels, label
from nanoscape.compute.levels import at_spacing, level_for
from nanoscape.compute.pyramid import with_pyramid
from nanoscape.compute.random import tile_generator
from nanoscape.compute.task import Cancelled, Task

__all__ = [
    "Block",
    "Cancelled",
    "Cluster",
    "Executor",
    "Task",
    "Threads",
    "at_spacing",
    "distance_transform",
    "keep_labels",
    "label",
    "level_for",
    "map_blocks",
    "map_reduce_blocks",
    "reduce_blocks",
    "tile_generator",
    "using",
    "with_pyramid",
]
