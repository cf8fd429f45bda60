"""Draw the finding that the README shows: `python docs/make_picture.py`."""

import io
from pathlib import Path

from PIL import Image

import forensics as fx
from forensics.views import plot_glitch

HERE = Path(__file__).parent

diagnosis = fx.diagnose(fx.open_case(HERE.parent / "sample_captures" / "mixed_call"))
stall = next(verdict for verdict in diagnosis.verdicts if verdict.mechanism == "stall" and verdict.glitch.audible)
figure = plot_glitch(diagnosis, stall.id)
drawn = io.BytesIO()
figure.savefig(drawn, dpi=90)
Image.open(drawn).convert("RGB").quantize(96).save(HERE / "late_model_output.png", optimize=True)
