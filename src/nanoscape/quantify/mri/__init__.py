"""Magnetic resonance: relaxation times and amounts of contrast agent."""
