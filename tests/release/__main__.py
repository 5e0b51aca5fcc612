"""`make release-check`: may this commit be released? Exit code 1 if not, with what is wrong."""

import sys

from sioweb_project.config import PROJECT_DIR
from tests.release.checks import ALWAYS, AT_A_RELEASE
from tests.release.project import Project


def main() -> int:
    project = Project.of_git(PROJECT_DIR)
    problems = []
    for title, check in (ALWAYS | AT_A_RELEASE).items():
        found = list(check(project))
        sys.stdout.write(f"{'FAIL' if found else 'ok':<6}{title}\n")
        sys.stdout.write("".join(f"      {problem}\n" for problem in found))
        problems += found
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
