"""SlideGenie backend: turns an outline into a PowerPoint file, keeps it, and hands it out."""
