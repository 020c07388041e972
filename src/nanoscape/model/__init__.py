"""What the program talks about: images, objects, places, transforms, studies."""

from nanoscape.model.edge import Edge, Quality
from nanoscape.model.figure import Figure
from nanoscape.model.group import ImageGroup
from nanoscape.model.image import Image, Quantity
from nanoscape.model.labels import Labels
from nanoscape.model.landmarks import Landmarks
from nanoscape.model.placing import placed
from nanoscape.model.points import Points
from nanoscape.model.raster import Level, Raster
from nanoscape.model.record import Record
from nanoscape.model.regions import Regions
from nanoscape.model.roles import ROLES
from nanoscape.model.spectra import Spectra
from nanoscape.model.study import Scene, Source, Study
from nanoscape.model.table import Table
from nanoscape.model.tags import Tag, Tags
from nanoscape.model.transform import Affine

__all__ = [
    "ROLES",
    "Affine",
    "Edge",
    "Figure",
    "Image",
    "ImageGroup",
    "Labels",
    "Landmarks",
    "Level",
    "Points",
    "Quality",
    "Quantity",
    "Raster",
    "Record",
    "Regions",
    "Scene",
    "Source",
    "Spectra",
    "Study",
    "Table",
    "Tag",
    "Tags",
    "placed",
]
