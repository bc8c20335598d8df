"""The run as Dagster shows it: assets and checks over the same functions, jobs, history, pages. Decides nothing."""
