"""What runs on Modal, behind ``train_modal.py``: two apps, their images and the Volume.

``serving`` is what ``modal deploy`` publishes; ``training`` is what ``modal run`` starts and ends.
Nothing here loads torch on the computer it is sent from.
"""
