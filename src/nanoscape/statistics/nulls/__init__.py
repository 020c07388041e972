"""What chance does with autocorrelated maps."""
