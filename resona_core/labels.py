"""The 50 classes of ESC-50, in the order of the dataset's targets, and their five groups.

Source: K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM MM 2015.
"""

GROUPS: dict[str, tuple[str, ...]] = {
    "Animals": (
        "dog", "rooster", "pig", "cow", "frog",
        "cat", "hen", "insects", "sheep", "crow",
    ),
    "Natural soundscapes": (
        "rain", "sea_waves", "crackling_fire", "crickets", "chirping_birds",
        "water_drops", "wind", "pouring_water", "toilet_flush", "thunderstorm",
    ),
    "Human, non-speech": (
        "crying_baby", "sneezing", "clapping", "breathing", "coughing",
        "footsteps", "laughing", "brushing_teeth", "snoring", "drinking_sipping",
    ),
    "Interior": (
        "door_wood_knock", "mouse_click", "keyboard_typing", "door_wood_creaks", "can_opening",
        "washing_machine", "vacuum_cleaner", "clock_alarm", "clock_tick", "glass_breaking",
    ),
    "Exterior": (
        "helicopter", "chainsaw", "siren", "car_horn", "engine",
        "train", "church_bells", "airplane", "fireworks", "hand_saw",
    ),
}  # fmt: skip

ESC50_LABELS: tuple[str, ...] = tuple(label for group in GROUPS.values() for label in group)

_SPOKEN = {
    "door_wood_knock": "door knock",
    "door_wood_creaks": "creaking door",
    "drinking_sipping": "drinking or sipping",
    "crackling_fire": "crackling fire",
}


def spoken(label: str) -> str:
    """Return `label` as a person would say it.

    Examples
    --------
    >>> spoken("sea_waves"), spoken("door_wood_knock")
    ('Sea waves', 'Door knock')
    """
    words = in_sentence(label)
    return words[:1].upper() + words[1:]


def in_sentence(label: str) -> str:
    """Return `label` as it stands within a sentence.

    Examples
    --------
    >>> in_sentence("sea_waves")
    'sea waves'
    """
    return _SPOKEN.get(label, label.replace("_", " "))


def group_of(label: str) -> str | None:
    """Return the ESC-50 group of `label`, or None for a class of someone's own."""
    return next((group for group, members in GROUPS.items() if label in members), None)
