"""The server's account: what became of every reply. The three verdicts add up to the replies."""

from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["valid", "deliberately-invalid", "violation"]
VALID: Final = "valid"
DELIBERATELY_INVALID: Final = "deliberately-invalid"
VIOLATION: Final = "violation"


@dataclass(slots=True)
class Account:
    valid: int = 0
    deliberately_invalid: int = 0
    violations: int = 0
    client_errors: int = 0
    """Requests that broke the contract: unknown route, wrong method, bad parameter."""

    def count(self, verdict: Verdict) -> None:
        """One more reply."""
        if verdict == VALID:
            self.valid += 1
        elif verdict == VIOLATION:
            self.violations += 1
        else:
            self.deliberately_invalid += 1

    @property
    def replies(self) -> int:
        return self.valid + self.deliberately_invalid + self.violations

    def to_json(self) -> dict[str, int]:
        return {
            "replies": self.replies,
            "valid": self.valid,
            "deliberatelyInvalid": self.deliberately_invalid,
            "violations": self.violations,
            "clientErrors": self.client_errors,
        }
