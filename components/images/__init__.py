"""The journey of an image: named, pulled or built, pushed, scanned, signed, admitted."""
