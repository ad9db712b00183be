"""The screens of docs/integrating.md: short enough, and the one in Python works as it is printed."""

import os
import re
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from town import ROOT, WAIT, Town

PAGE = (ROOT / "docs/integrating.md").read_text(encoding="utf-8")
LINES = 40


def screen(language):
    """Takes the program out of the page: the block under the heading of its language."""
    heading, fence = {"Kotlin": "kotlin", "Swift": "swift", "Python": "python"}[language], "`" * 3
    section = PAGE.split(f"### {language}\n", 1)[1]
    return re.search(rf"^{fence}{heading}\n(.*?)^{fence}$", section, re.M | re.S)[1]


def setUpModule():
    global town
    town = Town()


def tearDownModule():
    town.close()


class Screens(unittest.TestCase):
    def test_each_is_short(self):
        for language in ("Kotlin", "Swift", "Python"):
            self.assertLess(len(screen(language).splitlines()), LINES, language)

    def test_the_python_screen_shows_what_comes_from_headquarters(self):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "today.py"
            program.write_text(screen("Python"), encoding="utf-8")
            here = str(Path(__file__).parent)
            shown = self.play(program, dict(os.environ, PYTHONPATH=here, PYTHONUNBUFFERED="1", PYTHONUTF8="1"))
        self.assertRegex(shown[0], r"([0-9a-f]{4} ){3}[0-9a-f]{4}")
        self.assertEqual(shown[1], "今日工单 0")
        full = [line for line in shown if re.fullmatch(r"今日工单 [1-9]\d*", line)]
        self.assertTrue(full, shown)
        last = len(shown) - 1 - shown[::-1].index(full[-1])
        rows = [line for line in shown[last + 1 :] if line.startswith("  ")]
        self.assertEqual(len(rows), int(full[-1].split()[1]))
        for row in rows:
            self.assertNotRegex(row, r"[{}]|countdown|state\.")
        self.assertRegex("\n".join(shown), r"全部已上传 [1-9]\d*")

    def play(self, program, environment):
        """Runs it until the list from headquarters and the end of the round were shown."""
        arguments = [sys.executable, str(program), town.folder().as_posix(), town.invitation("gw-03")]
        running = subprocess.Popen(
            arguments, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        # A screen that shows nothing is ended, so that the test fails instead of waiting for ever.
        limit = threading.Timer(3 * WAIT, running.kill)
        limit.start()
        shown = []
        with running:
            for line in running.stdout:
                shown.append(line.rstrip("\n"))
                if re.search(r"([0-9a-f]{4} ){3}[0-9a-f]{4}", line):
                    town.confirm()
                    running.stdin.write("\n")
                    running.stdin.flush()
                said = "\n".join(shown)
                if re.search(r"^今日工单 [1-9]", said, re.M) and re.search(r"^全部已上传", said, re.M):
                    break
            running.stdin.write("\n")
            running.stdin.close()
            shown += running.stdout.read().splitlines()
        limit.cancel()
        self.assertEqual(running.returncode, 0, shown)
        return shown


if __name__ == "__main__":
    unittest.main()
