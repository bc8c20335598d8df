"""Words people give for a decline, a cancellation or an expiry → one of a fixed list. The words themselves are private."""

from __future__ import annotations

from typing import Final

import polars as pl

from marketplace.text import nulls

OTHER: Final = "other"

KEYWORDS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("no_response", ("no response", "not respond", "no answer", "timeout", "time out", "timed out", "expired",
                     "tidak respon", "tidak merespon", "tidak menjawab", "tidak dijawab", "kadaluarsa", "kedaluwarsa")),
    ("duplicate", ("duplicate", "double", "twice", "dobel", "ganda")),
    ("customer_cancelled", ("customer cancel", "client cancel", "user cancel", "guest cancel", "by customer",
                            "by user", "changed mind", "change of mind", "changed my mind", "no longer need",
                            "dibatalkan pelanggan", "dibatalkan tamu", "tidak jadi", "batal")),
    ("no_show", ("no show", "noshow", "did not show", "not there", "tidak datang", "tidak ada di tempat")),
    ("illness", ("sick", "ill", "unwell", "injur", "sakit", "cedera")),
    ("too_far", ("too far", "far away", "distance", "out of area", "outside area", "location", "jauh", "jarak",
                 "luar area", "lokasi")),
    ("busy", ("busy", "occupied", "fully booked", "full book", "another booking", "other booking", "not available",
              "unavailable", "sibuk", "penuh", "ada tamu", "ada klien", "tidak tersedia")),
    ("schedule", ("schedule", "timing", "too late", "too early", "wrong time", "off duty", "day off", "holiday",
                  "reschedul", "jadwal", "waktu", "libur", "kemalaman")),
    ("price", ("price", "too expensive", "too cheap", "cost", "payment", "discount", "harga", "mahal", "murah",
               "bayar", "tarif")),
    ("weather_traffic", ("rain", "weather", "traffic", "flood", "hujan", "cuaca", "macet", "banjir")),
    ("safety", ("unsafe", "safety", "inappropriate", "harass", "suspicious", "tidak sopan", "tidak aman", "curiga")),
)  # fmt: skip
REASONS: Final = (*(reason for reason, _ in KEYWORDS), OTHER)


def categories(words: pl.Series) -> pl.Series:
    """Words as written (English or Indonesian) → a reason of the fixed list; null where nothing was written."""
    if words.null_count() == len(words):
        return nulls(len(words), pl.String)
    low = pl.col("w")
    branch = pl.when(low.is_null()).then(pl.lit(None, pl.String))
    for reason, keywords in KEYWORDS:
        branch = branch.when(low.str.contains(r"\b(?:" + "|".join(keywords) + ")")).then(pl.lit(reason))
    unique = words.drop_nulls().unique()
    found = (
        unique.str.to_lowercase()
        .str.replace_all(r"[\s_\-]+", " ")
        .to_frame("w")
        .select(branch.otherwise(pl.lit(OTHER)))
    )
    return words.replace_strict(unique, found.to_series(), default=None, return_dtype=pl.String)
