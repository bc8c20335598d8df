"""What pytest-xdist starts in place of a worker: it hands the pipes it was given to the process that is copied
(tests/forked.py) and ends when the copy does. A program: `forked_stand_in.py ADDRESS`, started without site packages.
"""

import os
import socket
import sys


def main() -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(sys.argv[1])
        socket.send_fds(connection, [b"?"], [0, 1, 2])
        # The copy's alone from now on: whoever reads them has to see when it ends.
        os.close(0)
        os.close(1)
        while connection.recv(64):
            pass


if __name__ == "__main__":
    main()
