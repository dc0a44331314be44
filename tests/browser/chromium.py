"""The browser: where it is, how it is started, and what is missing for that."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
#: Where npm puts axe-core: npm install --prefix .cache axe-core@4.14.1
AXE = Path(os.environ.get("AXE_CORE", ROOT / ".cache/node_modules/axe-core/axe.min.js"))
CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

NEEDED = {
    "Chromium (apt-get install chromium)": CHROMIUM is not None,
    "Playwright (pip install playwright)": find_spec("playwright") is not None,
    "axe-core (npm install --prefix .cache axe-core@4.14.1)": AXE.exists(),
}
MISSING = ", ".join(name for name, is_there in NEEDED.items() if not is_there)
