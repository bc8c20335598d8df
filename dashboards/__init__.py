"""What people see: the Streamlit app on the published snapshot. Never opens the warehouse, never asks
Appwrite."""
