"""mediaindex: find the photo, or the second of the video, in plain words; on your own machine."""

__version__ = "0.1.0"
