"""Landmarks and points as other programs write them."""

from __future__ import annotations

import json

# As BigWarp writes them: quoted, x first, "Infinity" for a place not yet set.
BIGWARP = (
    '"Pt-0","true","1.5","2.5","10.0","20.0"\n'
    '"Pt-1","false","3.0","4.0","11.0","21.0"\n'
    '"Pt-2","true","5.0","6.0","Infinity","Infinity"\n'
)
BIGWARP_3D = '"Pt-0","true","1.0","2.0","3.0","10.0","20.0","30.0"\n'
BIGWARP_JSON = json.dumps(
    {
        "type": "BigWarpLandmarks",
        "numDimensions": 3,
        "movingPoints": [[1.0, 2.0, 3.0]],
        "fixedPoints": [[10.0, 20.0, 30.0]],
        "active": [True],
        "names": ["Pt-0"],
    }
)
# As transformix 5 writes them.
TRANSFORMIX = (
    "Point\t0\t; InputIndex = [ 0 0 150 ]\t; InputPoint = [ 0.5 0.25 150.0 ]\t; "
    "OutputIndexFixed = [ 18 9 146 ]\t; OutputPoint = [ 18.4 8.7 146.3 ]\t; "
    "Deformation = [ 17.9 8.45 -3.7 ]\t; OutputIndexMoving = [ 18 9 146 ]\n"
    "Point\t1\t; InputIndex = [ 1 0 150 ]\t; InputPoint = [ 1.0 0.0 150.0 ]\t; "
    "OutputIndexFixed = [ 19 9 146 ]\t; OutputPoint = [ 19.2 8.8 146.2 ]\t; "
    "Deformation = [ 18.2 8.8 -3.8 ]\n"
)
ELASTIX = "point\n2\n102.8 -33.4\n5e1 7\n"
PLACES = "name,msi_y_um,msi_x_um,slide_y_um,slide_x_um\nA,1,2,3,4\nB,5,6,7,8.5\n"
