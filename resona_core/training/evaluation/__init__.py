"""How good a network is: accuracy, calibration, robustness, what it does not know."""
