"""What the workflows of continuous integration do beyond the commands that people type."""
