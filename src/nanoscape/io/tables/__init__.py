"""Tables: sheets people fill in, and Parquet."""
