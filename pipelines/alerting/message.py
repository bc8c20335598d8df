"""The words of an alert: check names, counts, ids. Pure; never a name, a phone or a text."""

from __future__ import annotations

from pipelines.alerting.transitions import Transition

SHOWN_IDS = 5


def compose(found: list[Transition]) -> tuple[str, str]:
    """Title and body of one message for all transitions of a run."""
    failing = [t for t in found if t.state.firing]
    holding = [t for t in found if not t.state.firing]
    parts = []
    if failing:
        parts.append(f"{len(failing)} check{'s' if len(failing) > 1 else ''} failing")
    if holding:
        parts.append(f"{len(holding)} resolved")
    lines: list[str] = []
    for transition in failing:
        check = transition.check
        line = f"FAILING since {transition.state.since:%Y-%m-%d %H:%M} UTC · {check.check_name} ({check.severity})"
        if check.failed_rows:
            line += f" · {check.failed_rows} rows"
        lines.append(line)
        if check.detail:
            lines.append(f"  {check.detail}")
        if check.sample_ids:
            more = check.failed_rows - SHOWN_IDS
            shown = ", ".join(check.sample_ids[:SHOWN_IDS])
            lines.append(f"  ids: {shown}" + (f" and {more} more" if more > 0 else ""))
        if check.what_to_do:
            lines.append(f"  {check.what_to_do}")
    lines += [f"RESOLVED · {t.check.check_name}" for t in holding]
    return f"bookwatch: {', '.join(parts)}", "\n".join(lines)
