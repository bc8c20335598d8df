"""marimo notebooks that read the published snapshot."""
