"""The reports an auditor gets: written from one kept snapshot, and proven again later. Knows no business rule."""
