"""Bookwatch's own working, as a snapshot tells it: runs, checks, calls, alerts, waivers. No run checks their rows: what
is in them follows from the ledger and the run."""

from __future__ import annotations

from typing import Final

import polars as pl

from checks.schemas.figures import Kind
from checks.schemas.table import MESSAGE_ARGS, MESSAGE_CODE, OpsTable, column
from marketplace.backups import BackupState
from marketplace.error_rate import SLOW_SECONDS
from marketplace.events import SCAN_OUTCOMES
from marketplace.operations import ActionState, Operation


class IngestRuns(OpsTable):
    """What a run read of a collection; kept for 30 days."""

    run_id: pl.String = column("the run", key=True)
    collection: pl.String = column("the collection", key=True)
    fetched: pl.Int64 = column("rows fetched: inserted + updated + unchanged + rejected", unit="rows")
    inserted: pl.Int64 = column("rows that were new", unit="rows")
    updated: pl.Int64 = column("rows that had changed", unit="rows")
    unchanged: pl.Int64 = column("rows that were as they were", unit="rows")
    deleted: pl.Int64 = column("rows found gone", unit="rows")
    rejected: pl.Int64 = column("rows that could not be taken", unit="rows")
    started_at: pl.Datetime = column("when the scan began")
    seconds: pl.Float64 = column("how long it took", unit="seconds")
    watermark: pl.Datetime = column("up to which of the server's instants rows were read", null=True)
    outcome: pl.String = column("how it ended", words=SCAN_OUTCOMES)


class Quarantine(OpsTable):
    """A rejected row, without its content."""

    collection: pl.String = column("where the row stands", key=True)
    row_id: pl.String = column("the row as core publishes it; $sequence:<number> without a $id", key=True)
    reasons: pl.String = column("why, a JSON list: id_missing, creation_unreadable, creation_in_the_future")
    first_seen_at: pl.Datetime = column("when it was first seen")


class QuarantineGone(OpsTable):
    """A rejected row that was found gone from Appwrite: the mirror keeps it, core and ops.quarantine have none."""

    collection: pl.String = column("where the row stands", key=True)
    row_id: pl.String = column("the row as core publishes it", key=True)
    reasons: pl.String = column("why it was rejected, a JSON list")
    deleted_at: pl.Datetime = column("when a sweep found it gone")


class MirrorRows(OpsTable):
    """A collection of the mirror: its rows, counted in raw.duckdb itself. marts.completeness accounts for each."""

    collection: pl.String = column("the collection", key=True)
    rows: pl.Int64 = column("rows that are kept, and rejected ones that could not be kept", unit="rows")
    deleted: pl.Int64 = column("of them, those found gone from Appwrite", unit="rows")
    quarantined: pl.Int64 = column("of them, those rejected, gone or not", unit="rows")
    forgotten: pl.Int64 = column(
        "rows that erasures took a person's values out of, as the ledger counts them: none left the mirror",
        unit="rows",
    )


class Scans(OpsTable):
    """What a snapshot was made from, collection by collection. Figures of closed months are compared only where every
    scan they rest on is complete."""

    collection: pl.String = column("the collection", key=True)
    watermark: pl.Datetime = column("up to which of the server's instants it was read whole", null=True)
    completed_at: pl.Datetime = column(
        "the clock when its last complete scan ended; null: none yet", null=True
    )
    required: pl.Boolean = column("no figure is published without it")
    outcome: pl.String = column("of the latest try", words=SCAN_OUTCOMES)
    detail: pl.String = column("what is to be said of it", null=True)
    unread: pl.String = column(
        "JSON list of relationship columns that Appwrite does not hand out; null: none", null=True
    )
    read_until: pl.Datetime = column(
        "the server's instant as of which it was read: the watermark, or later where clocks disagree; null: of a"
        " version before",
        null=True,
    )


class CheckResults(OpsTable):
    """The verdict of a check in a run; kept for 30 days."""

    run_id: pl.String = column("the run", key=True)
    check_name: pl.String = column("the check", key=True)
    asset: pl.String = column("what it checks, as Dagster's key", key=True)
    passed: pl.Boolean = column("it holds")
    severity: pl.String = column("how bad it is where it does not")
    failed_rows: pl.Int64 = column("rows that break it", unit="rows")
    evaluated_at: pl.Datetime = column("when it was made")
    detail: pl.String = column("the rules that are broken", null=True)


class Snapshot(OpsTable):
    """This snapshot: one row."""

    snapshot_id: pl.String = column("the snapshot", key=True)
    run_id: pl.String = column("the run that published it")
    published_at: pl.Datetime = column("when it was published")
    rules_version: pl.String = column("the rules it was made by")
    source: pl.Struct = column(
        "what it was read from",
        fields={"endpoint": pl.String, "project": pl.String, "database": pl.String},
    )
    policy: pl.String = column(
        "the text of the commission policy it was made by; null: of a version before", null=True
    )
    bookwatch_version: pl.String = column("the bookwatch that made it; null: of a version before", null=True)


class HealthChanges(OpsTable):
    """A stretch in which a health point kept its status; of 92 days. The ledger keeps all."""

    change_id: pl.Int64 = column("its number in the ledger", key=True)
    point: pl.Int32 = column("the health point, 1 to 7")
    status: pl.String = column("how it stood")
    since: pl.Datetime = column("from when")
    evaluated_before: pl.Datetime = column("the verdict before this one", null=True)
    evaluated_at: pl.Datetime = column("the point's newest verdict")
    message: pl.String = column("what it said")
    code: pl.String = column("of the message, in any language", null=True)
    args: pl.String = column("what the message names, a JSON object", null=True)


SOURCE: Final = (
    "whose it is: appwrite (what runs ask of Appwrite), services (requests to them, and what they ask)"
)
APPWRITE: Final = "appwrite"


class Timings(OpsTable):
    """A call to Appwrite, its retries and waits included, or a request to the services; of each source about the last
    20,000, whole hours."""

    run_id: pl.String = column("the run that made it, or the file it was spooled in", key=True)
    call_number: pl.Int64 = column("the n-th of its run", key=True)
    called_at: pl.Datetime = column("when it ended")
    operation: pl.String = column(
        "what was asked: ping, version, list_columns, list_rows, sweep_rows, repair_rows, first_row (two values of the"
        " next row, after a page that failed) …"
    )
    collection: pl.String = column("of which collection; '' where none")
    seconds: pl.Float64 = column("how long it took", unit="seconds")
    outcome: pl.String = column("ok, permanent, transient, or open: the breaker let it not out")
    status: pl.Int32 = column("HTTP's; null without an answer", null=True)
    attempts: pl.Int64 = column("how often it was tried")
    slow: pl.Boolean = column(f"it took over {SLOW_SECONDS:g} s")
    source: pl.String = column(SOURCE, before=APPWRITE)


class TimingSummary(OpsTable):
    """The calls of an hour (UTC), by operation and collection; of 30 days."""

    hour: pl.Datetime = column("the hour", key=True)
    operation: pl.String = column("as ops.timings", key=True)
    collection: pl.String = column("as ops.timings", key=True)
    calls: pl.Int64 = column("how many there were", unit="calls")
    failed: pl.Int64 = column("that failed", unit="calls")
    retried: pl.Int64 = column("that were tried again", unit="calls")
    slow: pl.Int64 = column(f"that took over {SLOW_SECONDS:g} s", unit="calls")
    p50_s: pl.Float64 = column("half were quicker")
    p95_s: pl.Float64 = column("95 of 100 were quicker")
    p99_s: pl.Float64 = column("99 of 100 were quicker")
    max_s: pl.Float64 = column("the slowest")
    source: pl.String = column("as ops.timings", key=True, before=APPWRITE)


class Errors(OpsTable):
    """A call that failed, was tried again or was slow, and a run's own failure (call_number 0, severity critical,
    operation `step ingest`, `step core`, `step marts`, `step publish`, `step checks` for a blocking check or `step
    run`, the error's class as reason); of 30 days, 20,000 at most."""

    run_id: pl.String = column("the run", key=True)
    call_number: pl.Int64 = column("the n-th call of its run; 0: the run itself", key=True)
    called_at: pl.Datetime = column("when it ended")
    severity: pl.String = column("critical, error, warning")
    category: pl.String = column(
        "what failed: booking, chat, payment, auth, appwrite, network; pipeline: bookwatch itself"
    )
    operation: pl.String = column("as ops.timings")
    collection: pl.String = column("as ops.timings")
    reason: pl.String = column(
        "why: unauthorized, expired, scope, forbidden, region, paused, quota, service_off, https, no_project,"
        " not_found, unknown_route, web_page, no_order, rate_limited, server_error, proxy_error, time_out, connection,"
        " too_large, malformed, circuit_open …; retried, slow"
    )
    status: pl.Int32 = column("HTTP's; null without an answer", null=True)
    attempts: pl.Int64 = column("how often it was tried")
    error_type: pl.String = column("Appwrite's own word, '' where none", null=True)
    host: pl.String = column("that answered", null=True)
    source: pl.String = column("as ops.timings", before=APPWRITE)
    context: pl.String = column(
        "what else is known of it, a JSON object of fixed words, numbers and ids as core publishes them; null: nothing",
        null=True,
    )


class Alerts(OpsTable):
    """An alert that is open, or was in the last 30 days; as of the turn before (docs/alerts.md)."""

    alert_id: pl.String = column("name{label=value,…}", key=True)
    name: pl.String = column("what it is about")
    labels: pl.String = column("what tells it from others of its name, a JSON object")
    state: pl.String = column("how it stands: pending, firing, resolved")
    severity: pl.String = column("low, medium, high, critical")
    summary: pl.String = column("what it says")
    figure: pl.Float64 = column("what was measured", null=True)
    limit_value: pl.Float64 = column("what it is held against", null=True)
    page: pl.String = column("the dashboard's page, such as /health")
    active_since: pl.Datetime = column("since when its cause stands", null=True)
    fired_at: pl.Datetime = column("when it was first told", null=True)
    last_sent_at: pl.Datetime = column("when it was last told", null=True)
    resolved_at: pl.Datetime = column("when its cause was gone", null=True)
    silenced_by: pl.String = column("the silence that keeps it quiet", null=True)
    inhibited_by: pl.String = column("the alert that mutes it", null=True)
    detail: pl.String = column("ids, what to do", null=True)
    unit: pl.String = column("of figure and limit; a share is 0 to 1", null=True)
    code: pl.String = column(
        "of what it says, in any language; null: written by a version without codes", null=True
    )
    args: pl.String = column("what it names, a JSON object", null=True)
    more: pl.String = column("the lines of detail, a JSON list of objects with code and args", null=True)


class AlertSilences(OpsTable):
    """A silence; every one there ever was."""

    silence_id: pl.String = column("its number", key=True)
    matcher: pl.String = column("the alerts it keeps quiet")
    author: pl.String = column("who asked for it")
    reason: pl.String = column("why")
    created_at: pl.Datetime = column("from when")
    ends_at: pl.Datetime = column("until when")
    ended_at: pl.Datetime = column("when somebody ended it before that", null=True)
    ended_by: pl.String = column("who did", null=True)


class AlertDeliveries(OpsTable):
    """A message to a channel; the latest 1,000."""

    delivery_id: pl.Int64 = column("its number", key=True)
    at: pl.Datetime = column("when; a word of SQL: quote it")
    kind: pl.String = column("the foremost thing it says: firing, reminder, resolved, test")
    alerts: pl.Int64 = column("alerts in the message", unit="alerts")
    channel: pl.String = column("the channel's scheme, never its URL")
    delivered: pl.Boolean = column("it was taken")
    attempts: pl.Int64 = column("how often it was tried")


class Waivers(OpsTable):
    """A waiver in force, as of this run's marts. What reads like a phone number is left out; the ledger keeps the
    words, and every waiver there was."""

    finding_id: pl.String = column("the finding that was acknowledged", key=True)
    reason: pl.String = column("why")
    waived_by: pl.String = column("by whom")
    waived_at: pl.Datetime = column("when")


class Actions(OpsTable):
    """An action on the marketplace, planned or done, as the ledger has it when the snapshot is published; the latest
    20,000. Without personal values: what is written to people is made when it is written, and stands nowhere here."""

    action_id: pl.String = column("the action; also what makes a second try harmless", key=True)
    operation: pl.String = column("what it does", words=(operation.value for operation in Operation))
    plan_id: pl.String = column("the plan it stands in")
    collection: pl.String = column("where its row stands")
    row_id: pl.String = column("the row, as core publishes it")
    state: pl.String = column("what became of it", words=(state.value for state in ActionState))
    by: pl.String = column(
        "who had it planned or applied; a schedule by its name; a word of SQL: quote it", null=True
    )
    reason: pl.String = column(
        "why they did, in their words, without what reads like a phone number", null=True
    )
    planned_at: pl.Datetime = column("when it was planned")
    settled_at: pl.Datetime = column(
        "when it was done, skipped or found failed; null: it was not begun, or not settled yet", null=True
    )
    duration: pl.Float64 = column(
        "from before the call to the server's answer; null: no call was made", unit="seconds", null=True
    )
    before: pl.String = column("what the row said of what changes, a JSON object")
    after: pl.String = column("what it is to say, or says since, a JSON object")
    rule: pl.String = column("the rule of the business it rests on")
    why: pl.String = column("why it was planned, in English")
    code: pl.String = column(f"of why: {MESSAGE_CODE}", null=True)
    args: pl.String = column(f"of why: {MESSAGE_ARGS}", null=True)
    outcome: pl.String = column("why it was skipped or failed, or what was done, in English", null=True)
    outcome_code: pl.String = column(f"of outcome: {MESSAGE_CODE}", null=True)
    outcome_args: pl.String = column(f"of outcome: {MESSAGE_ARGS}", null=True)
    answer: pl.String = column(
        "what the server answered: an HTTP status, with Appwrite's own word where it refused; null: no call was made",
        null=True,
    )
    undone_by: pl.String = column("who took it back", null=True)
    undone_at: pl.Datetime = column("when they did", null=True)


class Backups(OpsTable):
    """A backup of the marketplace's database, as the ledger has it when the snapshot is published."""

    backup_id: pl.String = column("the backup", key=True)
    started_at: pl.Datetime = column("when it began")
    finished_at: pl.Datetime = column("when it ended; null: it runs, or was cut short", null=True)
    state: pl.String = column(
        "how it stands; expired: it was kept for its time, and is gone",
        words=(state.value for state in BackupState),
    )
    rows: pl.Int64 = column("rows in it; null: not counted to the end", unit="rows", null=True)
    bytes: pl.Int64 = column("what its files take; null: not whole", unit="bytes", null=True)
    verified_at: pl.Datetime = column(
        "when its files were last found to hold; null: never, or they did not when last looked at", null=True
    )


class MartDigests(OpsTable, primary_key=True, id_column="mart"):
    """What the last build of a mart made."""

    mart: pl.String = column("the mart", key=True)
    digest: pl.String = column("of its rows, whatever their order; without what the clock alone changes")
    rows: pl.Int64 = column("how many there are", unit="rows")
    changed_at: pl.Datetime = column("when its contents last changed")


class ErrorRates(OpsTable, view=True):
    """The error events of a minute."""

    minute: pl.Datetime = column("the minute", key=True)
    severity: pl.String = column("as ops.errors", key=True)
    category: pl.String = column("as ops.errors", key=True)
    operation: pl.String = column("as ops.errors", key=True)
    events: pl.Int64 = column("how many there were", unit="events")
    source: pl.String = column("as ops.errors", key=True)


class SlowOperations(OpsTable, view=True, id_column="run_id"):
    """A call that took over 3 s."""

    called_at: pl.Datetime = column("when it ended")
    operation: pl.String = column("as ops.timings")
    collection: pl.String = column("as ops.timings")
    seconds: pl.Float64 = column("how long it took", unit="seconds")
    outcome: pl.String = column("as ops.timings")
    status: pl.Int32 = column("as ops.timings", null=True)
    attempts: pl.Int64 = column("how often it was tried")
    run_id: pl.String = column("the run that made it")
    source: pl.String = column("as ops.timings")


class OperationTimings(OpsTable, view=True):
    """How long an operation takes, over the single calls kept."""

    operation: pl.String = column("as ops.timings", key=True)
    calls: pl.Int64 = column("how many there were", unit="calls")
    failed: pl.Int64 = column("that failed", unit="calls")
    slow: pl.Int64 = column(f"that took over {SLOW_SECONDS:g} s", unit="calls")
    p50_s: pl.Float64 = column("half were quicker")
    p95_s: pl.Float64 = column("95 of 100 were quicker")
    p99_s: pl.Float64 = column("99 of 100 were quicker")
    max_s: pl.Float64 = column("the slowest")
    since: pl.Datetime = column("the oldest of them")
    source: pl.String = column("as ops.timings", key=True)


class Judged(OpsTable, id_column="now"):
    """What the marts of this snapshot were judged at: one row."""

    now: pl.Datetime = column("the clock")
    judged_at: pl.Datetime = column(
        "the earlier of the clock and the newest complete scan of commission_records; null: never scanned",
        null=True,
    )
    quiet: pl.Boolean = column("the clock lay in the quiet hours")
    local_month: pl.Date = column("the first day of the clock's month in the marketplace's zone")
    utc_offset_minutes: pl.Int64 = column("the marketplace's zone")
    views: pl.String = column(
        "a fingerprint of what the views behind.* and metrics.* were made by", null=True
    )


class Figures(OpsTable):
    """A column of a mart, and how it follows from the rows of the view behind.<mart> (docs/explain.md)."""

    figure: pl.String = column("marts.<table>.<column>", key=True)
    mart: pl.String = column("the table")
    name: pl.String = column("the column")
    kind: pl.String = column("how it follows from the rows behind it", words=(kind.value for kind in Kind))
    of: pl.String = column(
        "a JSON list: the columns of the rows behind that are added up, numerator and denominator, or values; of any"
        " other figure the columns of its own row that it follows from"
    )
    level: pl.Float64 = column("of a quantile: which", null=True, unit="share")
    over: pl.String = column(
        "a JSON list: the keys within which the denominator of a ratio is counted, where those are not all",
        null=True,
    )
    otherwise: pl.Float64 = column("what a ratio is where its denominator is 0", null=True, unit="share")
    keys: pl.String = column("a JSON list: the columns that the mart and the rows behind share")
    own: pl.Boolean = column("the rows behind are the mart's own")
    what: pl.String = column("what it holds")
    unit: pl.String = column("of its values", null=True)
