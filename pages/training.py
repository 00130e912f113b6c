"""Training: how was it trained, and how good is it?"""

import streamlit as st

from pages._shell import browser, cache, sound_choice, widgets
from pages._shell.text import literal
from pages._widgets import augmentations, training_setup, trust
from pages._widgets import evaluation as evaluation_widgets
from pages._widgets import faithfulness as faithfulness_widgets
from pages._widgets import training as training_widgets
from resona_core.settings import settings
from resona_core.training.runs import find_runs, run_title

st.title("How it was trained and how good it is", anchor=False)
found = find_runs(settings().runs, checkpoint=settings().checkpoint)
name = training_widgets.choose_run(found)
run = cache.run(found[name])
phone = browser.is_narrow()
training_widgets.show_state(name, run, found)
part = training_widgets.choose_part()

if part == "Overview":
    report = run.report
    if report is None:
        training_widgets.ask_to_evaluate(run, found)
    else:
        training_widgets.show_headline(run, report)
        if report.answers:
            evaluation_widgets.show_strengths(report)
        training_widgets.show_command(run, report)
    training_setup.show_setup(run)

elif part == "Curves":
    names = training_widgets.choose_compared(found, name)
    training_widgets.show_curves({name: found[name] for name in names}, phone)

elif part == "Mistakes":
    report = training_widgets.report_of(run, "answers", found)
    st.caption(training_widgets.origin(run, report))
    evaluation_widgets.show_mistakes(report, phone)

elif part == "Trust":
    of_answers, of_explanations = st.container(), st.container()
    if run.faithfulness is not None:
        with of_explanations:
            faithfulness_widgets.show_faithfulness(run, run.faithfulness)
    with of_answers:
        report = training_widgets.report_of(run, "calibration", found)
        st.caption(training_widgets.origin(run, report))
        trust.show_trust(report, phone)

else:
    with st.sidebar:
        sound_choice.choose_sound()
    sound = sound_choice.current_sound()
    answer = cache.classification(sound)
    st.markdown(
        "During training, every clip is augmented differently each time it is used. Here each "
        f"augmentation of {literal(run_title(name))} is applied to {literal(sound.title)} on its "
        "own."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        window = widgets.choose_window(answer, with_whole=False) or 0
        partner = augmentations.choose_partner(sound)
        draw = augmentations.draw_again()
    examples = cache.examples(sound, window, partner, run.recipe, draw)
    augmentations.show_examples(examples)
