"""The switch between the views of a page, of which one is drawn at a time. What a view shows is its page's."""

from __future__ import annotations

import streamlit as st

from dashboards.kit.address import Choice, widget
from dashboards.kit.screen import Screen


def switch(screen: Screen, choice: Choice, label: str, each: str = "") -> None:
    """Draw it. ``label``: the text that names it to who cannot see it; ``each``: how the texts of its views begin, as
    the label and an underscore where it is left out."""
    st.segmented_control(
        screen.text(label),
        choice.allowed,
        required=True,
        format_func=lambda code: screen.text(f"{each or label + '_'}{code}"),
        label_visibility="collapsed",
        **widget(choice),
    )
