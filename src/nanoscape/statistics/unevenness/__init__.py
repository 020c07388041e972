"""How unevenly values are spread, whatever their pattern."""
