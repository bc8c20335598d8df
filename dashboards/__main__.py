"""`python -m dashboards PORT [HOST]`: becomes the Streamlit process, so that others start it without importing it.

Where the port is in use Streamlit says so and ends with 1: it takes no other than the one it was given.
"""

from __future__ import annotations

import os
import sys

from dashboards.launch import command, environment

if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not sys.argv[1].isdecimal() or not 0 < int(sys.argv[1]) < 65536:
        sys.exit("Give the port to serve on, from 1 to 65535: python -m dashboards 8501")
    words = command(int(sys.argv[1]), *sys.argv[2:])
    os.execve(words[0], words, environment())
