"""Arrays in, Plotly figures out: no torch, no Streamlit, no sound decoded here."""
