-- ledger.sqlite as bookwatch of 048ca1b made it (user_version 0), a row in every table, no personal value:
-- sqlite3's iterdump of what its own methods wrote.
BEGIN TRANSACTION;
CREATE TABLE alert_deliveries (
    delivery_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('firing', 'reminder', 'resolved', 'test')),
    alerts INTEGER NOT NULL,
    channel TEXT NOT NULL,
    delivered INTEGER NOT NULL,
    attempts INTEGER NOT NULL
);
INSERT INTO "alert_deliveries" VALUES(1,'2026-11-22T04:00:00+00:00','firing',1,'json',1,1);
CREATE TABLE alert_silences (
    silence_id INTEGER PRIMARY KEY AUTOINCREMENT,
    matcher TEXT NOT NULL,
    author TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    ended_at TEXT,
    ended_by TEXT
);
INSERT INTO "alert_silences" VALUES(1,'no_*','Ayu','migration','2026-11-22T04:00:00+00:00','2026-11-22T06:00:00+00:00',NULL,NULL);
CREATE TABLE alert_turns (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    begun_at TEXT NOT NULL,
    last_at TEXT NOT NULL
);
INSERT INTO "alert_turns" VALUES(1,'2026-11-22T04:00:00+00:00','2026-11-22T04:00:00+00:00');
CREATE TABLE alerts (
    alert_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
    severity TEXT NOT NULL,
    summary TEXT NOT NULL,
    detail TEXT NOT NULL,
    figure REAL,
    limit_value REAL,
    unit TEXT NOT NULL,
    page TEXT NOT NULL,
    active_since TEXT NOT NULL,
    last_active_at TEXT NOT NULL,
    quiet_since TEXT,
    fired_at TEXT,
    resolved_at TEXT,
    silenced_by TEXT,
    inhibited_by TEXT,
    told TEXT NOT NULL,
    trying TEXT NOT NULL,
    last_sent_at TEXT
);
INSERT INTO "alerts" VALUES('no_missing{asset=marts/commission_findings}','no_missing','{"asset": "marts/commission_findings"}','firing','critical','Bookings without a commission','',3.0,0.0,'rows','/revenue','2026-11-22T04:00:00+00:00','2026-11-22T04:00:00+00:00',NULL,'2026-11-22T04:00:00+00:00',NULL,NULL,NULL,'{"abc": "2026-11-22T04:00:00+00:00"}','[]',NULL);
CREATE TABLE calls (
    call_id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    operation TEXT NOT NULL,
    collection TEXT NOT NULL,
    seconds REAL NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER,
    category TEXT NOT NULL,
    severity TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,
    slow INTEGER NOT NULL,
    error_type TEXT NOT NULL DEFAULT '',
    host TEXT NOT NULL DEFAULT ''
);
INSERT INTO "calls" VALUES(1,'20261122T040000Z-000001',1,'2026-11-22T04:00:00','list rows','bookings',0.05,'ok',NULL,'booking','info',1,'',0,'','');
INSERT INTO "calls" VALUES(2,'20261122T040000Z-000001',2,'2026-11-22T04:00:00','list rows','messages',1.5,'failed',503,'chat','high',3,'server_error',1,'general_unknown','appwrite.example');
CREATE TABLE closed_month_gaps (
    previous_snapshot_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    compared_at TEXT NOT NULL,
    PRIMARY KEY (previous_snapshot_id, reason)
);
INSERT INTO "closed_month_gaps" VALUES('','no_snapshot','20261122T040000Z-000001','2026-11-22T04:00:00');
CREATE TABLE closed_month_log (
    entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
    finding_id TEXT NOT NULL,
    local_month TEXT NOT NULL,
    figure TEXT NOT NULL,
    previous_value INTEGER NOT NULL,
    current_value INTEGER NOT NULL,
    previous_snapshot_id TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    run_id TEXT NOT NULL
);
INSERT INTO "closed_month_log" VALUES(1,'closed_month_changed:2026-10:booked_idr','2026-10-01','booked_idr',100000,90000,'20261121T040000Z-000000','2026-11-22T04:00:00','20261122T040000Z-000001');
CREATE TABLE erasures (
    erasure_id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id TEXT NOT NULL,
    erased_by TEXT NOT NULL,
    erased_at TEXT NOT NULL,
    rows INTEGER NOT NULL,
    detail TEXT NOT NULL
);
INSERT INTO "erasures" VALUES(1,'c1','Ayu','2026-11-22T04:00:00+00:00',5,'{"bookings": 2, "messages": 3}');
CREATE TABLE exports (
    export_id INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at TEXT NOT NULL,
    made_by TEXT NOT NULL,
    kind TEXT NOT NULL,
    filters TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    folder TEXT NOT NULL,
    manifest_sha256 TEXT NOT NULL
);
INSERT INTO "exports" VALUES(1,'2026-11-22T04:00:00+00:00','Ayu','commissions','from=2026-10-01 to=2026-11-01','20261122T040000Z-000001','/exports/october','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
CREATE TABLE health_changes (
    change_id INTEGER PRIMARY KEY AUTOINCREMENT,
    point INTEGER NOT NULL,
    status TEXT NOT NULL,
    since TEXT NOT NULL,
    evaluated_before TEXT,
    message TEXT NOT NULL
);
INSERT INTO "health_changes" VALUES(1,1,'working','2026-11-22T04:00:00',NULL,'all is well');
INSERT INTO "health_changes" VALUES(2,2,'unknown','2026-11-22T04:00:00',NULL,'no evidence');
INSERT INTO "health_changes" VALUES(3,1,'broken','2026-11-22T04:01:00','2026-11-22T04:00:00','1 room');
CREATE TABLE health_evaluated (
    point INTEGER PRIMARY KEY,
    evaluated_at TEXT NOT NULL
);
INSERT INTO "health_evaluated" VALUES(1,'2026-11-22T04:01:00');
INSERT INTO "health_evaluated" VALUES(2,'2026-11-22T04:00:00');
CREATE TABLE pins (
    pin_id INTEGER PRIMARY KEY AUTOINCREMENT,
    snapshot_id TEXT NOT NULL,
    pinned_at TEXT NOT NULL DEFAULT (datetime('now'))
);
INSERT INTO "pins" VALUES(1,'20261122T040000Z-000001','2026-11-22 04:00:00');
CREATE TABLE runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    exit_status INTEGER,
    snapshot_id TEXT,
    message TEXT
);
INSERT INTO "runs" VALUES(1,'20261122T040000Z-000001','2026-11-22T04:00:00+00:00','2026-11-22T04:00:09+00:00',0,'20261122T040000Z-000001','');
INSERT INTO "runs" VALUES(2,'20261122T040100Z-000002','2026-11-22T04:01:00+00:00',NULL,NULL,NULL,NULL);
CREATE TABLE snapshots (
    snapshot_id TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    sealed_at TEXT NOT NULL DEFAULT (datetime('now')),
    adopted INTEGER NOT NULL
);
INSERT INTO "snapshots" VALUES('20261122T040000Z-000001','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',4096,1763784000000000000,42,'2026-11-22 04:00:00',0);
CREATE TABLE waiver_log (
    entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
    finding_id TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('waived', 'withdrawn')),
    reason TEXT NOT NULL,
    entered_by TEXT NOT NULL,
    entered_at TEXT NOT NULL
);
INSERT INTO "waiver_log" VALUES(1,'missing:b1','waived','paid in cash','Ayu','2026-11-22T04:00:00+00:00');
INSERT INTO "waiver_log" VALUES(2,'missing:b2','waived','a test','Ayu','2026-11-22T04:00:00+00:00');
INSERT INTO "waiver_log" VALUES(3,'missing:b2','withdrawn','it was none','Budi','2026-11-22T04:02:00+00:00');
CREATE TABLE waivers (
    finding_id TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    waived_by TEXT NOT NULL,
    waived_at TEXT NOT NULL
);
INSERT INTO "waivers" VALUES('missing:b1','paid in cash','Ayu','2026-11-22T04:00:00+00:00');
CREATE INDEX health_changes_of ON health_changes (point, change_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',2);
INSERT INTO "sqlite_sequence" VALUES('waiver_log',3);
INSERT INTO "sqlite_sequence" VALUES('closed_month_log',1);
INSERT INTO "sqlite_sequence" VALUES('erasures',1);
INSERT INTO "sqlite_sequence" VALUES('exports',1);
INSERT INTO "sqlite_sequence" VALUES('pins',1);
INSERT INTO "sqlite_sequence" VALUES('health_changes',3);
INSERT INTO "sqlite_sequence" VALUES('calls',2);
INSERT INTO "sqlite_sequence" VALUES('alert_silences',1);
INSERT INTO "sqlite_sequence" VALUES('alert_deliveries',1);
COMMIT;
