"""How a phone is written by those who type it."""

from __future__ import annotations

from random import Random

from sandbox.simulator.chance import choose, pick


def phone_pair(rng: Random) -> tuple[str, str | None]:
    """A phone as written and its E.164 form (None where it is none)."""
    shape = choose(
        rng,
        (
            ("+62", 34),
            ("0", 22),
            ("62", 14),
            ("+620", 6),
            ("+62+62", 5),
            ("spaced", 5),
            ("foreign", 11),
            ("junk", 3),
        ),
    )
    if shape == "junk":
        return pick(rng, ("ask reception", "12", "call me", "0812", "+++", "WA only")), None
    if shape == "foreign":
        body = f"{int(rng.random() * 10_000):04d}"
        number = pick(
            rng, (f"+61412{body}37", f"+44791112{body}", f"+12025{body[0:1]}5{body}", f"+49151234{body}7")
        )
        if number.startswith("+12025"):
            number = f"+1202555{body}"
        return number, number
    digits = f"8{pick(rng, ('12', '13', '21', '52', '57', '77', '78', '95'))}{int(rng.random() * 10**8):08d}"
    e164 = f"+62{digits}"
    if shape == "spaced":
        return f"+62 {digits[:3]}-{digits[3:7]}-{digits[7:]}", e164
    return shape + digits, e164
