"""One file per tab of the panel."""
