"""Resona: see, hear and question what a neural network hears.

The way of a sound through the package::

    bytes -> audio -> spectrogram -> model -> results -> figures | JSON | files

:class:`resona_core.engine.Engine` is the one door; the pages, the command line
and every other caller go through it.
"""

__version__ = "0.1.0"
