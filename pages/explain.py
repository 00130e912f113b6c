"""Explain: why this answer, and what if the sound were another?"""

import streamlit as st

from pages._shell import browser, cache, sound_choice, widgets
from pages._widgets import explain as explain_widgets
from pages._widgets import what_if

sound = sound_choice.current_sound()
narrow = browser.is_narrow()
answer = cache.classification(sound)
head = st.container(gap="xxsmall")
widgets.show_warnings(answer)
if answer.nothing_to_hear:
    explain_widgets.show_silence(head, sound)
    st.stop()

window = widgets.choose_window(answer, with_whole=False) or 0
if answer.silent[window]:
    explain_widgets.show_silence(head, sound)
    st.stop()
question = explain_widgets.ask(head, sound, answer, window)
why = explain_widgets.answered(sound, question)
if why is not None:
    explain_widgets.show(sound, why, answer.window_s, narrow)

what_if.show(sound, answer, narrow)
