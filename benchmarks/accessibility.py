"""Check every page of the site with axe-core in a browser: light and wide, dark and narrow. Exit
status 1 for a serious violation.

Needs chromium and axe.min.js, for example from `npm pack axe-core`: python
benchmarks/accessibility.py build/cpu/site axe.min.js
"""

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LOOKS = {"light": "1280,1000", "dark": "390,1000"}
SERIOUS = ("serious", "critical")
# The result replaces the page, which is then printed. A theme is set as the reader's button sets
# it.
PROBE = """<script src="{axe}"></script><script>
document.body.dataset.theme = "{theme}";
document.querySelectorAll("details").forEach((part) => {{ part.open = true; }});
window.addEventListener("load", () => axe.run().then(({{ violations }}) => {{
  const found = violations.map(({{ id, impact, help, nodes }}) => ({{
    id, impact, help, n: nodes.length, first: nodes[0].html.slice(0, 200)
  }}));
  document.body.innerHTML = "<pre id='found'></pre>";
  document.getElementById("found").textContent = JSON.stringify(found);
}}));
</script></body>"""


def violations(chromium: str, page: Path, axe: Path, theme: str) -> list[dict]:
    """Return axe's violations of a page in one look: id, impact, help, the number of elements (n)
    and the first of them.
    """
    probed = page.with_name(f"probed-{page.name}")
    probed.write_text(
        page.read_text().replace("</body>", PROBE.format(axe=axe.as_uri(), theme=theme))
    )
    with tempfile.TemporaryDirectory() as profile:
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--virtual-time-budget=60000",
            f"--user-data-dir={profile}",
            f"--window-size={LOOKS[theme]}",
        ]
        printed = subprocess.run(
            [chromium, *flags, "--dump-dom", probed.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout
    found = re.search(r'<pre id="found">(.*?)</pre>', printed, re.DOTALL)
    if not found:
        raise RuntimeError(f"axe did not finish on {page.name}")
    return json.loads(html.unescape(found[1]))


def main(site: Path, axe: Path) -> int:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not (chromium and axe.exists() and (site / "index.html").exists()):
        print("accessibility: needs chromium, axe.min.js and a built site; no page was checked.")
        return 0
    serious = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(site, Path(folder) / "site"))
        pages = sorted(copy.rglob("*.html"))
        for page in pages:
            for theme in LOOKS:
                for found in violations(chromium, page, axe.resolve(), theme):
                    serious += found["impact"] in SERIOUS
                    print(
                        f"{page.relative_to(copy)} ({theme}): {found['impact']}: {found['id']},"
                        f" {found['n']} times: {found['help']}: {found['first']}"
                    )
    print(f"{len(pages)} pages in {len(LOOKS)} looks: {serious} serious findings")
    return serious > 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
