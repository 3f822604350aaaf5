"""What is claimed of the model: claims, verdict words, presets with their promises, findings. Imports the model only."""
