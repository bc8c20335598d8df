"""`python -m dashboards PORT`: becomes the Streamlit process, so that others start it without importing it."""

from __future__ import annotations

import os
import sys

from dashboards.launch import command, environment

if __name__ == "__main__":
    words = command(int(sys.argv[1]))
    os.execve(words[0], words, environment())
