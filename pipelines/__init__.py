"""When and how it runs: definitions, schedules, alerting, exports, the command line. Holds no business rule."""
