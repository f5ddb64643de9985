"""Takes the protocol's golden vectors and JSON Schemas, which stand beside this folder, into the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

PROTOCOL = Path(__file__).resolve().parents[2] / "protocol"


class WithProtocol(build_py):
    def run(self) -> None:
        # What an earlier build left there may be of files that are no more.
        shutil.rmtree(Path(self.build_lib) / "maggy_actors", ignore_errors=True)
        super().run()
        target = Path(self.build_lib) / "maggy_actors" / "protocol"
        for folder in ("golden", "schemas"):
            if (PROTOCOL / folder).is_dir():
                shutil.copytree(PROTOCOL / folder, target / folder, dirs_exist_ok=True)
        for page in [*PROTOCOL.glob("*.md"), *PROTOCOL.glob("asyncapi.json"), *PROTOCOL.glob("pages/*.md")]:
            place = target / page.relative_to(PROTOCOL)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(page, place)


setup(cmdclass={"build_py": WithProtocol})
