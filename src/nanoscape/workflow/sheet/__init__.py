"""The study sheet: what people know of their files, and how it gets into a study."""
