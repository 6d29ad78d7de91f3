#!/usr/bin/env python3
"""make.py writes small JPEGs of every kind, and libjpeg-turbo's decoded pictures (NAME.png) to compare with.
Needs: pip install pillow numpy; cjpeg, djpeg and jpegtran of Debian's libjpeg-turbo-progs. The picture is drawn here."""
import io, pathlib, subprocess
import numpy as np
from PIL import Image

here = pathlib.Path(__file__).resolve().parent
W, H = 61, 45
y, x = np.mgrid[0:H, 0:W].astype(float)
rng = np.random.default_rng(1)
rgb = np.stack([127 + 100 * np.sin(x / 5 + y / 9), 127 + 90 * np.cos(y / 4), 255 * ((x // 12 + y // 9) % 2)], -1) + rng.normal(0, 6, (H, W, 1))
picture = Image.fromarray(np.clip(rgb, 0, 255).astype("u1"))
ppm = io.BytesIO(); picture.save(ppm, "ppm")
pgm = io.BytesIO(); picture.convert("L").save(pgm, "ppm")


def run(*args, data): return subprocess.run(args, input=data, check=True, capture_output=True).stdout


def keep(name, data):
    (here / f"{name}.jpg").write_bytes(data)
    Image.open(io.BytesIO(run("djpeg", "-dct", "int", "-pnm", data=data))).convert("RGB").save(here / f"{name}.png", optimize=True)


color = ppm.getvalue()
for name, args in {
    "444": ["-sample", "1x1"], "422": ["-sample", "2x1"], "420": ["-sample", "2x2"], "440": ["-sample", "1x2"], "411": ["-sample", "4x1"],
    "410": ["-sample", "4x2"], "odd": ["-sample", "3x1"], "mixed": ["-sample", "2x2,1x2,2x1"],
    "restart": ["-sample", "2x2", "-restart", "3B"], "rgb": ["-rgb"], "progressive": ["-sample", "2x2", "-progressive"],
    "progressive444": ["-sample", "1x1", "-progressive", "-restart", "1"], "low": ["-quality", "10"], "high": ["-quality", "100", "-sample", "1x1"],
    "extended": ["-quality", "3"], "optimized": ["-optimize"],
}.items():
    keep(name, run("cjpeg", "-dct", "int", *args, data=color))
keep("gray", run("cjpeg", data=pgm.getvalue()))
keep("grayprogressive", run("cjpeg", "-progressive", data=pgm.getvalue()))
(here / "arithmetic.jpg").write_bytes(run("cjpeg", "-arithmetic", data=color))
# Four components: djpeg cannot output RGB, PIL can.
for name, args in {"cmyk": {}, "cmykprogressive": {"progressive": True}}.items():
    out = io.BytesIO(); picture.convert("CMYK").save(out, "jpeg", quality=90, **args)
    (here / f"{name}.jpg").write_bytes(out.getvalue())
    Image.open(out).convert("RGB").save(here / f"{name}.png", optimize=True)
