"""How a tracer arrives, leaves the vessels and is washed out."""
