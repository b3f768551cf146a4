"""Runtime: loads exported artefacts and refocuses photographs. NumPy, Pillow and one interpreter."""

import os

# onnxruntime 1.31 writes a device's id and a database of events into the home folder when it is imported, unless this
# is set before; whoever wants that sets it to 0. Here, since everything of ours that imports onnxruntime imports this.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
