"""What Streamlit runs for every visitor: the frame and, in it, the page that was asked for."""

from pages._shell import router

router.run_page()
