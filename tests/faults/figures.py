"""The table of a load scenario: figures, and which of them are promises."""

import sys
from dataclasses import dataclass, field


@dataclass
class Figures:
    """Written out line by line, as a run may take minutes."""

    is_quiet: bool = False
    broken: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return int(bool(self.broken))

    def note(self, name: str, value: object, remark: str = "") -> None:
        if not self.is_quiet:
            sys.stdout.write(f"{name:<56} {_text(value):>10}  {remark}\n")
            sys.stdout.flush()

    def promise(self, name: str, value: float, *, at_most: float) -> None:
        remark = f"at most {at_most:g}"
        if value > at_most:
            self.broken.append(f"{name}: {_text(value)}, {remark}")
            remark += ": BROKEN"
        self.note(name, value, remark)


def _text(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
