"""The month's package: what an auditor is handed for a period. Its tables stand in a file each."""
