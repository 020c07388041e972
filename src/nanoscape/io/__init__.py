"""Reading and writing files, one file per format."""
