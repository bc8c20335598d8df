"""Python's own collector of garbage, kept from looking again and again through what lasts.

What a process is to do stands elsewhere; this only says what of it stays.
"""

from __future__ import annotations

import gc


def leave_out_what_is_loaded() -> None:
    """Leave what is loaded by now (libraries, declarations, pages) out of every later collection.

    To look through it takes a process of ours some 0.13 s, amid whatever it does then.
    """
    gc.collect()
    gc.freeze()
