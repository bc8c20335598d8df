"""One file a page, found by the frame. Run by Streamlit."""
