"""One file a page, and its own texts beside it. Run by Streamlit; the frame reads the records."""
