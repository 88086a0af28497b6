"""Draws icon.png and logo.png: ``python docker/home-assistant/pictures.py``. Needs Chromium."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent
ICON = FOLDER.parents[1] / "plugins/ui/web/src/icon.svg"
PAGE = """<!DOCTYPE html><style>
body {{ margin: 0; display: flex; align-items: center; justify-content: center; gap: 12px;
       width: {width}px; height: {height}px; background: transparent;
       font: 600 32px "DejaVu Sans", sans-serif; color: #62d0e8 }}
svg {{ width: {size}px; height: {size}px }}
</style>{icon}{text}"""


def main(chromium: str) -> None:
    icon = ICON.read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, width, height, size, text in (
            ("icon", 128, 128, 128, ""),
            ("logo", 250, 100, 56, "<span>oscbridge</span>"),
        ):
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_content(
                PAGE.format(width=width, height=height, size=size, icon=icon, text=text)
            )
            page.screenshot(path=FOLDER / f"{name}.png", omit_background=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "/usr/bin/chromium")
