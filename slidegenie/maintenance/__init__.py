"""What has to be done on the Docker host now and then: scan, clean, look for newer images, and remember to."""
