"""One file a page; frame.py lists them. Run by Streamlit, imported by nothing."""
