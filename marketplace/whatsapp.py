"""A link that opens WhatsApp with a text for a number. Which text, in whose language, does not live here."""

from __future__ import annotations

from urllib.parse import quote


def whatsapp_link(e164: str, text: str) -> str:
    """``https://wa.me/<digits>?text=<text>`` of a number in E.164 (``+62…``).

    >>> whatsapp_link("+6281234567890", "Halo, jam 14.00?")
    'https://wa.me/6281234567890?text=Halo%2C%20jam%2014.00%3F'
    """
    return f"https://wa.me/{e164.removeprefix('+')}?text={quote(text, safe='')}"
