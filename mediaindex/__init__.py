"""mediaindex: find the photo, or the second of the video, in plain words; on your own machine."""

import os

__version__ = "0.1.0"

# From 1.29 on, ONNX Runtime for Linux tells Microsoft how it is used, unless this is set before it
# is loaded; `disable_telemetry_events` comes too late for the id that it gives this machine.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
