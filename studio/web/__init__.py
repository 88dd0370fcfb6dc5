"""The web server: Streamlit's pages behind the gate, and our routes beside them."""
