"""A three-dimensional reference tumour whose truth is known everywhere."""
