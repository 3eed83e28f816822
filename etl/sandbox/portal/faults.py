"""Scripted misfortune: which request goes wrong, and how.

A plan is a list of maps: `kind` (see KINDS), `method` (a pattern with `*`; for a batch its commands count
too), `nth` matching request to start at (1), `times` in a row (1), and what the kind needs: `seconds`,
`location`, `commands`, `call`. `apply` overrides whether the request takes effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from etl.sandbox.portal.wire import RestError

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"
NO, YES, LATE, TWICE, PART = "no", "yes", "late", "twice", "part"

# kind: does the request take effect, and what the caller gets to see
KINDS: dict[str, tuple[str, str]] = {
    "cut_before": (NO, "cut"),
    "cut_after": (YES, "cut"),
    "timeout": (YES, "hang"),
    "timeout_before": (NO, "hang"),
    "late_apply": (LATE, "cut"),
    "duplicate": (TWICE, "answer"),
    "batch_cut": (PART, "cut"),
    "half_json": (YES, "half"),
    "truncated": (YES, "short"),
    "drip": (YES, "drip"),
    "slow": (YES, "slow"),
    "html_200": (NO, "html_200"),
    "html_502": (NO, "html_502"),
    "html_504": (YES, "html_504"),
    "empty_200": (YES, "empty"),
    "no_result": (YES, "no_result"),
    "redirect": (NO, "redirect_302"),
    "redirect_308": (NO, "redirect_308"),
    "mutate": (YES, "answer"),
}
REFUSED = (NO, "refusal")
#: a single command that does nothing and says so by `result: false` alone (im.notify.*, *.link.register)
FALSE = "false"
REFUSALS: dict[str, RestError] = {
    "503": RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"),
    "overload": RestError(503, "OVERLOAD_LIMIT", "REST API is blocked due to overload."),
    "429": RestError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."),
    "500": RestError(500, "INTERNAL_SERVER_ERROR", "Internal server error"),
    "401": RestError(401, "NO_AUTH_FOUND", "Wrong authorization data"),
    "expired": RestError(401, "expired_token", "The access token provided has expired."),
    "403": RestError(403, "ACCESS_DENIED", "Access denied!"),
    "payment": RestError(401, "PAYMENT_REQUIRED", "Payment required"),
    "deleted": RestError(403, "PORTAL_DELETED", "Portal was deleted"),
    "error_200": RestError(200, "", "Access denied."),
}


@dataclass
class Fault:
    """One entry of a plan and how many matching requests it has seen."""

    kind: str
    method: str = "*"
    nth: int = 1
    times: int = 1
    seconds: float = 60.0
    location: str = ""
    commands: int = 1
    call: list[Any] = field(default_factory=list)
    apply: bool | None = None
    inside: bool = False  # strike single commands of a batch instead of the request
    seen: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a kind that does not exist or cannot strike a single command."""
        refusal = self.kind in REFUSALS or self.kind == FALSE
        if self.kind not in KINDS and not refusal:
            known = sorted({*KINDS, *REFUSALS, FALSE})
            raise ValueError(f"unknown kind of fault: {self.kind}; known: {', '.join(known)}")
        if self.inside and not refusal:
            raise ValueError(f"a single command can only be refused: {self.kind}")
        if self.kind == FALSE and not self.inside:
            raise ValueError("only a single command answers false: inside = true")

    def strikes(self, methods: list[str]) -> bool:
        """Whether this request goes wrong; a request with a matching method is counted."""
        if not self._matches(methods):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times

    def _matches(self, methods: list[str]) -> bool:
        """Whether one of the methods fits the pattern, in any letter case."""
        pattern = self.method.lower()
        return any(fnmatchcase(method.lower(), pattern) for method in methods)

    @property
    def effect(self) -> str:
        """Whether and how the request takes effect."""
        if self.apply is not None:
            return YES if self.apply else NO
        effect, _ = KINDS.get(self.kind, REFUSED)
        return effect

    @property
    def view(self) -> str:
        """What the caller gets to see."""
        _, view = KINDS.get(self.kind, REFUSED)
        return view


SETTINGS = frozenset(item.name for item in fields(Fault)) - {"seen"}


class FaultPlan:
    """Faults still to come; each counts the requests it matches by itself."""

    def __init__(self, plan: list[dict[str, Any]] | None) -> None:
        """`plan`: entries of the file of faults. Raises ValueError for one that cannot be."""
        self.on_requests: list[Fault] = []
        self.on_commands: list[Fault] = []
        for entry in plan or []:
            fault = parse_fault(entry)
            struck = self.on_commands if fault.inside else self.on_requests
            struck.append(fault)

    def for_request(self, methods: list[str]) -> Fault | None:
        """The fault that strikes a request of these methods; of several the first one."""
        struck = [fault for fault in self.on_requests if fault.strikes(methods)]
        return struck[0] if struck else None

    def is_denied(self, method: str) -> bool:
        """Whether this single command shall answer false. Raises the refusal planned for it, if any."""
        struck = [fault for fault in self.on_commands if fault.strikes([method])]
        if not struck:
            return False
        if struck[0].kind == FALSE:
            return True
        raise REFUSALS[struck[0].kind]


def parse_fault(entry: dict[str, Any]) -> Fault:
    """Raises ValueError for a kind or a key the plan may not have."""
    unknown = sorted(set(entry) - SETTINGS)
    if unknown:
        known = ", ".join(sorted(SETTINGS))
        raise ValueError(f"unknown keys in a fault: {', '.join(unknown)}; known: {known}")
    return Fault(**entry)
